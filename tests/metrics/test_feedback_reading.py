"""GET /api/v1/feedback/, and /integrated: when a model had learned."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import feedback
from metrics.feedback.integration import integrate
from metrics.models import Feedback, PerformanceMetric
from slas.models import Sla
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback/"
Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    """``ask("GET", url, bound_to=acme, joined="true")`` with a key of both scopes."""

    def send(method: str, url: str = URL, bound_to: Client | None = None, **filters: str) -> Any:
        key = keys.issue("asks", [ApiKey.Scope.INGEST, ApiKey.Scope.READ], client=bound_to)[1]
        browser = Browser(headers={"X-API-Key": key})
        return browser.get(url, filters) if method == "GET" else browser.post(url)

    return send


def vote(client: Client | None, request_id: str = "r-1", **fields: Any) -> UUID:
    """Store one; its id."""
    at = timezone.now() - timedelta(hours=2)
    fields = {"rating": 4.0, "submitted_at": at, **fields}
    one = feedback.Vote(client.pk if client else None, request_id, **fields)
    return feedback.receive([one], timezone.now())[0].id


def requests(answer: Any) -> list[str]:
    """The requests of the votes on a page."""
    return [one["request_id"] for one in answer.json()["results"]]


def learned() -> list[PerformanceMetric]:
    """The rows of learning integration."""
    return list(PerformanceMetric.objects.filter(metric_name="learning_integration_time"))


def test_a_vote_is_read_with_what_it_took_over(ask: Ask, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0], request_id="r-1", ml_models_used=["gpt-4o"])
    pk = vote(acme, correction="It is 42.")
    (one,) = ask("GET").json()["results"]
    assert (one["id"], one["client"], one["rating"]) == (str(pk), "acme", 4.0)
    assert (one["correction"], one["model"], one["component"]) == (
        *("It is 42.", "gpt-4o", "cognitive_core"),
    )
    assert one["joined_at"] is not None


def test_a_key_of_one_client_reads_its_votes_alone(ask: Ask, acme: Client, globex: Client) -> None:
    vote(acme, "r-acme")
    vote(globex, "r-globex")
    vote(None, "r-nobody")
    assert requests(ask("GET", bound_to=acme)) == ["r-acme"]
    assert len(requests(ask("GET"))) == 3


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"joined": "true"}, ["r-1"]),
        ({"joined": "false"}, ["r-2"]),
        ({"corrected": "true"}, ["r-2"]),
        ({"corrected": "false"}, ["r-1"]),
        ({"integrated": "true"}, []),
        ({"request_id": "r-2"}, ["r-2"]),
        ({"client": "acme", "component": "cognitive_core"}, ["r-1"]),
        ({"query_complexity": "simple"}, ["r-1"]),
        ({"until": "2020-01-01T00:00:00Z"}, []),
    ],
)
def test_they_are_filtered(
    ask: Ask, acme: Client, make_rows: Any, filters: dict[str, str], found: list[str]
) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    vote(acme)
    vote(acme, "r-2", correction="It is 42.")
    assert requests(ask("GET", **filters)) == found


def test_pages_follow_one_another_even_within_one_instant(ask: Ask, acme: Client) -> None:
    at = timezone.now()
    for number in range(5):
        vote(acme, f"r-{number}", submitted_at=at)
    url, seen = f"{URL}?page_size=2", []
    while url:
        page = ask("GET", url)
        seen += requests(page)
        url = page.json()["next"]
    assert sorted(seen) == [f"r-{number}" for number in range(5)]
    assert ask("GET", cursor="nonsense").status_code == 404


def test_an_unknown_filter_is_named(ask: Ask) -> None:
    answer = ask("GET", model_name="x")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "model_name")


def test_integration_is_timed_from_the_vote(ask: Ask, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0], request_id="r-1", ml_models_used=["gpt-4o"])
    pk = vote(acme)
    answer = ask("POST", f"{URL}{pk}/integrated")
    assert answer.status_code == 200
    found = Feedback.objects.get()
    assert found.integrated_at is not None
    (row,) = learned()
    assert row.metric_value == answer.json()["seconds"] == pytest.approx(7200, abs=60)
    assert (row.measurement_unit, row.timestamp) == ("seconds", found.integrated_at)
    assert (row.client, row.service_name, row.request_id) == (acme, "tests", "r-1")
    assert row.ml_models_used == ["gpt-4o"]


def test_it_counts_for_the_promise_of_learning_integration(
    ask: Ask, acme: Client, make_rows: Any
) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    ask("POST", f"{URL}{vote(acme)}/integrated")
    promise = Sla.objects.get(code="user_feedback_processing")
    (row,) = learned()
    assert (row.metric_name, row.component) == (promise.learning_metric_name, promise.component)


def test_the_first_time_counts_and_is_answered_again(ask: Ask, acme: Client) -> None:
    url = f"{URL}{vote(acme)}/integrated"
    first, second = ask("POST", url), ask("POST", url, bound_to=acme)
    assert first.json() == second.json()
    assert len(learned()) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_callers_at_once_store_one_row(acme: Client) -> None:
    pk, now = vote(acme), timezone.now()
    later = [now + timedelta(seconds=number) for number in range(4)]
    done = at_once(*[lambda at=at: integrate(pk, None, at) for at in later])
    assert len(set(done)) == 1
    assert len(learned()) == 1


def test_a_vote_ahead_of_the_portals_clock_took_no_time(acme: Client) -> None:
    now = timezone.now()
    pk = vote(acme, submitted_at=now + timedelta(seconds=30))
    assert integrate(pk, None, now).seconds == 0


def test_another_clients_vote_is_as_unknown_as_none(ask: Ask, acme: Client, globex: Client) -> None:
    for pk in (vote(globex), uuid4()):
        answer = ask("POST", f"{URL}{pk}/integrated", bound_to=acme)
        assert (answer.status_code, answer.json()["error"]["field"]) == (404, "vote_id")
    assert learned() == []


def test_a_vote_that_is_nobodys_yet_is_a_named_conflict(
    ask: Ask, acme: Client, make_rows: Any
) -> None:
    url = f"{URL}{vote(None)}/integrated"
    answer = ask("POST", url)
    assert (answer.status_code, answer.json()["error"]["field"]) == (409, "vote_id")
    make_rows(acme, [1.0], request_id="r-1")
    feedback.join_waiting(timezone.now())
    assert ask("POST", url).status_code == 200
    assert learned()[0].client == acme


def test_a_get_integrates_nothing(ask: Ask, acme: Client) -> None:
    assert ask("GET", f"{URL}{vote(acme)}/integrated").status_code == 405
    assert learned() == []


def test_it_takes_the_scope_to_send(acme: Client) -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    answer = Browser().post(f"{URL}{vote(acme)}/integrated", headers={"X-API-Key": text})
    assert answer.status_code == 403
