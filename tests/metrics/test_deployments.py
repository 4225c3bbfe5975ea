"""/api/v1/deployments/."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.models import Deployment
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db
URL = "/api/v1/deployments/"
Ask = Callable[..., Any]


@pytest.fixture
def tell() -> Ask:
    """POST a body: ``tell(deployment(), bound_to=acme)``."""

    def post(body: Any, bound_to: Client | None = None) -> Any:
        key = keys.issue("pipeline", [ApiKey.Scope.INGEST], client=bound_to)[1]
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Browser().post(
            URL, data, content_type="application/json", headers={"X-API-Key": key}
        )

    return post


@pytest.fixture
def get() -> Ask:
    """GET with a key: ``get(bound_to=acme, version="1")``."""

    def read(bound_to: Client | None = None, **filters: str) -> Any:
        key = keys.issue("reader", [ApiKey.Scope.READ], client=bound_to)[1]
        return Browser().get(URL, filters, headers={"X-API-Key": key})

    return read


def deployment(**fields: Any) -> dict[str, Any]:
    """One that is accepted as it is."""
    named = {"component": "cognitive_core", "service_name": "assistant", "version": "1.0"}
    return {**named, **fields}


def versions(answer: Any) -> list[str]:
    """What is on a page."""
    return [one["version"] for one in answer.json()["results"]]


def test_it_is_stored_and_answered_as_stored(tell: Ask, get: Ask, acme: Client) -> None:
    sent = deployment(
        environment="staging",
        deployed_at="2026-03-04T12:00:00Z",
        description="New prompt",
        url="https://ci.example/1",
        client="acme",
        event_id=str(uuid4()),
    )
    answer = tell(sent)
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in sent} == sent
    assert get().json()["results"] == [answer.json()]


def test_it_went_live_now_in_production_unless_it_says_otherwise(tell: Ask) -> None:
    before = timezone.now()
    body = tell(deployment()).json()
    assert before <= datetime.fromisoformat(body["deployed_at"]) <= timezone.now()
    assert (body["environment"], body["client"]) == ("production", None)


@pytest.mark.parametrize("bound", [True, False])
def test_sent_again_under_its_event_id_the_first_is_answered(
    tell: Ask, acme: Client, bound: bool
) -> None:
    event, owner = str(uuid4()), acme if bound else None
    first = tell(deployment(event_id=event), owner)
    again = tell(deployment(event_id=event, version="2.0"), owner)
    assert (again.status_code, again.json()) == (201, first.json())
    assert Deployment.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_senders_at_once_store_one(tell: Ask) -> None:
    body = deployment(event_id=str(uuid4()))
    answers = at_once(*[lambda: tell(body)] * 4)
    assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "fix", "changes"),
    [
        ("verison", "Did you mean version?", {"verison": "1"}),
        ("version", "1–100 characters", {"version": ""}),
        ("version", "Remove it.", {"version": "1\0"}),
        ("component", "Send one of: cognitive_core", {"component": "nowhere"}),
        ("service_name", "1–50 characters", {"service_name": "x" * 51}),
        ("deployed_at", "RFC 3339", {"deployed_at": "2026-03-04"}),
        ("deployed_at", "when the version is live", {"deployed_at": "2199-01-01T00:00:00Z"}),
        ("url", "http or https", {"url": "javascript:alert(1)"}),
        ("client", "a client's code", {"client": "nobody"}),
        ("event_id", "Send a UUID", {"event_id": "1"}),
    ],
)
def test_what_cannot_be_stored_is_named(tell: Ask, field: str, fix: str, changes: Any) -> None:
    answer = tell(deployment(**changes))
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert fix in error["fix"]
    assert Deployment.objects.count() == 0


def test_a_missing_field_is_named(tell: Ask) -> None:
    answer = tell({"component": "cognitive_core", "service_name": "assistant"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "version")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", [deployment(), deployment()]])
def test_a_body_that_is_not_one_deployment_is_refused(tell: Ask, body: Any) -> None:
    answer = tell(body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"field", "problem", "fix"}


def test_a_key_of_one_client_tells_of_that_client_alone(
    tell: Ask, acme: Client, globex: Client
) -> None:
    assert tell(deployment(client="globex"), acme).status_code == 400
    assert tell(deployment(), acme).json()["client"] == "acme"


def test_a_key_of_one_client_sees_its_own_and_everyones(
    tell: Ask, get: Ask, acme: Client, globex: Client
) -> None:
    for version, client in (("a", "acme"), ("g", "globex"), ("all", None)):
        tell(deployment(version=version, client=client))
    assert set(versions(get(bound_to=acme))) == {"a", "all"}
    assert versions(get(bound_to=acme, client="globex")) == []
    assert set(versions(get())) == {"a", "g", "all"}


def test_they_are_filtered_and_paged_newest_first(tell: Ask, get: Ask) -> None:
    now = timezone.now()
    for number in range(5):
        at = (now - timedelta(hours=number)).isoformat()
        tell(deployment(version=str(number), deployed_at=at))
    tell(deployment(version="other", service_name="other"))
    first = get(page_size="3", service_name="assistant")
    assert versions(first) == ["0", "1", "2"]
    key = keys.issue("reader", [ApiKey.Scope.READ])[1]
    second = Browser().get(first.json()["next"], headers={"X-API-Key": key})
    assert (versions(second), second.json()["next"]) == (["3", "4"], None)
    assert versions(get(version="2")) == ["2"]
    assert versions(get(until=(now - timedelta(hours=3)).isoformat())) == ["4"]
    assert get(relase="1").json()["error"]["field"] == "relase"


def test_each_method_takes_its_scope(tell: Ask, get: Ask) -> None:
    reader = keys.issue("reader", [ApiKey.Scope.READ])[1]
    sender = keys.issue("sender", [ApiKey.Scope.INGEST])[1]
    body = {"data": "{}", "content_type": "application/json"}
    assert Browser().post(URL, headers={"X-API-Key": reader}, **body).status_code == 403
    assert Browser().get(URL, headers={"X-API-Key": sender}).status_code == 403
