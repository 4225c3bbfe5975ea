"""Votes and deployments in the admin, and what is kept of votes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import Client
from metrics import feedback, tasks
from metrics.models import Deployment, Feedback

pytestmark = pytest.mark.django_db
LIST = reverse("admin:metrics_feedback_changelist")
DEPLOYMENTS = reverse("admin:metrics_deployment_changelist")


@pytest.fixture
def votes(acme: Client, globex: Client, make_rows: Any) -> None:
    """One that is joined, one that waits, one given up, one of another client's."""
    make_rows(acme, [1.0], request_id="r-joined", ml_models_used=["gpt-4o"])
    now = timezone.now()
    feedback.receive(
        [
            feedback.Vote(acme.pk, "r-joined", 2.5, now, correction="It is <b>42</b>."),
            feedback.Vote(acme.pk, "r-waiting", 5, now, feedback.THUMBS),
            feedback.Vote(acme.pk, "r-lost", 1, now, feedback.THUMBS),
            feedback.Vote(globex.pk, "r-globex", 4, now),
            feedback.Vote(None, "r-nobody", 4, now),
        ],
        now,
    )
    Feedback.objects.filter(request_id="r-lost").update(next_look_at=None)


def listed(browser: Browser, **filters: str) -> set[str]:
    """The requests on the list."""
    answer = browser.get(LIST, filters)
    assert answer.status_code == 200
    return {vote.request_id for vote in answer.context["cl"].result_list}


@pytest.mark.usefixtures("votes")
def test_a_person_sees_the_votes_of_their_clients(client: Browser, make_user: Any) -> None:
    client.force_login(make_user("Viewer", clients=[Client.objects.get(code="acme")]))
    assert listed(client) == {"r-joined", "r-waiting", "r-lost"}
    client.force_login(make_user("Viewer"))
    assert len(listed(client)) == 5


@pytest.mark.usefixtures("votes")
def test_they_are_filtered_by_state_and_correction(client: Browser, make_user: Any) -> None:
    client.force_login(make_user("Viewer"))
    assert listed(client, state="joined") == {"r-joined"}
    assert listed(client, state="waiting") == {"r-waiting", "r-globex", "r-nobody"}
    assert listed(client, state="lost") == {"r-lost"}
    assert listed(client, correction="open") == {"r-joined"}
    assert listed(client, q="r-lost") == {"r-lost"}


@pytest.mark.usefixtures("votes")
def test_the_list_tells_joined_from_waiting_and_thumbs_from_stars(
    client: Browser, make_user: Any
) -> None:
    client.force_login(make_user("Viewer"))
    page = client.get(LIST).content.decode()
    for text in ("Joined", "Waiting", "Not found", "Thumb up", "Thumb down", "2.5\u00a0of\u00a05"):
        assert text in page, text


@pytest.mark.usefixtures("votes")
def test_its_page_shows_the_correction_as_text_and_changes_nothing(
    client: Browser, make_user: Any
) -> None:
    client.force_login(make_user("Administrator"))
    vote = Feedback.objects.get(request_id="r-joined")
    url = reverse("admin:metrics_feedback_change", args=[vote.pk])
    page = client.get(url).content.decode()
    assert "It is &lt;b&gt;42&lt;/b&gt;." in page
    assert "gpt-4o" in page
    assert client.post(url, {"rating": "5"}).status_code == 403
    assert client.post(reverse("admin:metrics_feedback_delete", args=[vote.pk])).status_code == 403


def test_deployments_of_no_client_are_everyones(
    client: Browser, make_user: Any, acme: Client, globex: Client
) -> None:
    named = {"component": "cognitive_core", "service_name": "assistant"}
    for version, owner in (("a", acme), ("g", globex), ("all", None)):
        at = timezone.now()
        Deployment.objects.create(version=version, client=owner, deployed_at=at, **named)
    client.force_login(make_user("Viewer", clients=[acme]))
    answer = client.get(DEPLOYMENTS)
    assert {one.version for one in answer.context["cl"].result_list} == {"a", "all"}
    assert "Every client" in answer.content.decode()


def test_votes_are_forgotten_when_their_time_is_over(acme: Client, settings: Any) -> None:
    now = timezone.now()
    feedback.receive([feedback.Vote(acme.pk, "r-1", 4, now)], now)
    kept = timedelta(days=settings.FEEDBACK_RETENTION_DAYS)
    assert feedback.forget_old(now + kept - timedelta(seconds=1)) == 0
    assert feedback.forget_old(now + kept + timedelta(seconds=1)) == 1


def test_beat_joins_those_that_wait_every_few_seconds(acme: Client, make_rows: Any) -> None:
    schedule = PeriodicTask.objects.get(task=tasks.join_waiting.name)
    assert (schedule.enabled, schedule.interval.every, schedule.interval.period) == (
        *(True, 5, "seconds"),
    )
    feedback.receive([feedback.Vote(acme.pk, "r-1", 4, timezone.now())], timezone.now())
    make_rows(acme, [1.0], request_id="r-1")
    assert tasks.join_waiting() == 1
