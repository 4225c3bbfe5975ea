"""Probes that fail: real runs against a real server, their alert from its opening to its end."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client, User
from alerts.figures import figures
from alerts.models import Alert, AlertType, Silence
from alerts.raising import evaluation, probing
from alerts.raising.passing import Pass
from alerts.recount import Recount
from alerts.triage import lifecycle
from metrics.models import Probe
from metrics.probes import dispatch
from metrics.probes.runs import Runs as ProbeRuns
from slas import objectives
from tests.metrics.target import Target, reply

pytestmark = pytest.mark.django_db
Runs = Callable[[str], Alert | None]


@pytest.fixture
def target() -> Iterator[Target]:
    """A real HTTP server on this machine."""
    with Target() as server:
        yield server


@pytest.fixture
def probe(acme: Client, target: Target) -> Probe:
    """A probe of the feedback of Acme."""
    return Probe.objects.create(
        name="Shop: feedback",
        kind="user_feedback",
        target=target.url("/f") + "?key=secret",
        payload={"feedback": "ok"},
        component="user_interface",
        client=acme,
        timeout_seconds=2,
    )


@pytest.fixture
def runs(probe: Probe, target: Target, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run the probe, judging it after each run: ``runs("xxo")`` fails twice, then succeeds."""
    monkeypatch.setattr(probing, "FRESH_FOR", timedelta(0))

    def run(outcomes: str) -> Alert | None:
        for outcome in outcomes:
            target.answers["/f?key=secret"] = reply({}, 200 if outcome == "o" else 503)
            run_once(probe)
            probing.follow(objectives.enabled(), Pass(), timezone.now())
        return Alert.objects.filter(alert_type=AlertType.PROBE_FAILED).order_by("pk").last()

    return run


def run_once(probe: Probe) -> None:
    Probe.objects.filter(pk=probe.pk).update(next_due_at=timezone.now() - timedelta(hours=1))
    ((claimed, claim),) = dispatch.claim_due()
    assert dispatch.run_claimed(claimed, claim)


def status() -> list[str]:
    found = Alert.objects.filter(alert_type=AlertType.PROBE_FAILED).order_by("pk")
    return list(found.values_list("status", flat=True))


def test_an_evaluation_opens_one_alert_and_leaves_it_open(probe: Probe, target: Target) -> None:
    target.answers["/f?key=secret"] = target.hang
    Probe.objects.update(timeout_seconds=0.1)
    done = []
    for _ in range(4):
        run_once(probe)
        done.append(evaluation.evaluate())
    assert [one.opened for one in done if one] == [0, 0, 1, 0]
    alert = Alert.objects.get(alert_type=AlertType.PROBE_FAILED)
    assert (alert.status, alert.evidence["counts"]["unanswered"]) == ("firing", 3)
    # Their value is the time-out: no time that something took.
    assert alert.evidence["values"] == {"largest": None, "mean": None}
    assert Recount().of(alert) == []
    assert alert.events.get().kind == "opened"
    assert alert.incident_id is not None


def test_three_failures_in_a_row_open_one_alert_with_its_evidence(runs: Runs, probe: Probe) -> None:
    assert runs("oxx") is None
    alert = runs("x")
    assert alert is not None
    assert status() == ["firing"]
    assert (alert.component, alert.client_id, alert.severity) == (
        "user_interface", probe.client_id, "medium"
    )  # fmt: skip
    assert alert.evidence["counts"] == {
        "total": 3, "succeeded": 0, "good": 0, "bad": 3, "unanswered": 0
    }  # fmt: skip
    assert [one["error"] for one in alert.evidence["worst"]] == ["HTTP 503"] * 3
    assert alert.evidence["last_success"]["success"] is True
    assert "its last 3 runs have failed" in alert.alert_message
    assert "The last error: HTTP 503. It last succeeded at" in alert.alert_message
    assert "secret" not in str(alert.evidence["probe"])
    assert "probe of user_interface fails: Shop feedback: probe fails" in (
        alert.recommended_action or ""
    )
    assert alert.business_impact == (
        "Users were not asked: whether they are hit is not known. It tries what is promised of "
        "user_interface: User feedback processing: latency, User feedback processing: "
        "availability and 1 more."
    )
    assert figures(alert) == ("3 of 3 failed", "<\u00a03 in a row")


def test_later_failures_update_it_and_one_success_does_not_end_it(runs: Runs) -> None:
    alert = runs("xxxoxx")
    assert alert is not None
    assert status() == ["firing"]
    assert (alert.evidence["counts"]["bad"], alert.evidence["counts"]["total"]) == (5, 6)
    assert (alert.actual_value, alert.breaches) == (5, 3)
    assert alert.last_breach_at.isoformat() == alert.evidence["worst"][0]["timestamp"]
    assert "5 of its 6 runs since" in alert.alert_message


def test_two_successes_in_a_row_end_it_and_failures_in_a_row_open_it_again(runs: Runs) -> None:
    alert = runs("xxxo")
    assert status() == ["firing"]
    alert = runs("o")
    assert alert is not None
    assert status() == ["resolved"]
    note = alert.events.latest("pk").note
    assert note.startswith("2 runs in a row have succeeded: “Shop: feedback” measures ")
    assert runs("xx").status == "resolved"  # type: ignore[union-attr]
    # It comes back at once: the same alert, not a second one.
    assert runs("x").reopened == 1  # type: ignore[union-attr]


def test_a_probe_says_itself_how_many_runs_it_takes(runs: Runs, probe: Probe) -> None:
    Probe.objects.filter(pk=probe.pk).update(alert_after=1, recover_after=1)
    runs("x")
    assert status() == ["firing"]
    runs("o")
    assert status() == ["resolved"]


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        (lambda probe: probe.update(enabled=False), "“Shop: feedback” was disabled"),
        (lambda probe: probe.delete(), "“Shop: feedback” was deleted"),
        (lambda probe: probe.update(component="cognitive_core"), "measures something else now"),
    ],
)
def test_it_ends_with_its_probe_and_says_why(
    runs: Runs, probe: Probe, fate: Callable[[Any], Any], said: str
) -> None:
    alert = runs("xxx")
    assert alert is not None
    fate(Probe.objects.filter(pk=probe.pk))
    evaluation.evaluate()
    alert.refresh_from_db()
    assert alert.status == "resolved"
    assert said in alert.events.latest("pk").note


def test_old_failures_open_nothing_when_it_is_enabled_again(runs: Runs, probe: Probe) -> None:
    runs("xxx")
    for enabled in (False, True):
        Probe.objects.filter(pk=probe.pk).update(enabled=enabled)
        evaluation.evaluate()
    assert status() == ["resolved"]
    runs("xx")
    assert status() == ["resolved"]


def test_what_a_person_resolved_needs_as_many_failures_again(
    runs: Runs, make_user: Callable[..., User]
) -> None:
    alert = runs("xxx")
    assert alert is not None
    lifecycle.resolve(alert.pk, acting_user=make_user(), version=alert.version)
    again = runs("xx")
    assert status() == ["resolved"]
    again = runs("x")
    assert again is not None
    assert status() == ["resolved", "firing"]
    assert again.evidence["counts"]["total"] == 3


def test_a_silence_of_its_component_keeps_it_quiet(
    runs: Runs, make_silence: Callable[..., Silence]
) -> None:
    make_silence({"component": "user_interface", "alert_type": "probe_failed"})
    runs("xxx")
    assert status() == ["suppressed"]


def test_nothing_is_read_of_the_runs_while_none_fails(runs: Runs) -> None:
    runs("oo")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        probing.follow([], Pass(), timezone.now())
    assert len(asked) == 2


def test_its_runs_are_found_by_an_index_among_many_rows(
    probe: Probe, make_rows: Callable[..., Any]
) -> None:
    make_rows(probe.client, [1.0] * 2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ai_performance_metrics")
    plan = ProbeRuns.of(probe).rows()[:3].explain()
    assert re.search(r"Index Cond: .*metadata ->> 'probe'", plan), plan


def test_a_recount_equals_its_evidence_and_finds_what_is_wrong(runs: Runs) -> None:
    alert = runs("oxxxoxx")
    assert alert is not None
    recount = Recount()
    assert recount.of(alert) == []
    assert recount.notes == []
    assert recount.compared > 10
    out = StringIO()
    call_command("recompute_alerts", alert=alert.pk, stdout=out)
    assert "0 differ" in out.getvalue()
    alert.evidence["counts"]["unanswered"] += 1
    alert.impact["total"] += 1
    alert.evidence["worst"][0]["value"] += 1
    names = [one.name for one in Recount().of(alert)]
    assert names == ["counts.unanswered", "worst", "impact.total"]


def test_its_queries_answer_with_its_very_runs(
    runs: Runs, probe: Probe, make_rows: Callable[..., Any]
) -> None:
    alert = runs("oxxx")
    named = {"metric_name": "user_feedback_processing_time", "metadata": {"probe": probe.name}}
    make_rows(probe.client, [1.0], **named)  # a service's row, whatever it says
    alert = runs("ox")
    assert alert is not None
    key = {"X-API-Key": keys.issue("tests", [ApiKey.Scope.READ])[1]}
    found = {}
    for name, address in alert.evidence["queries"].items():
        parts = urlsplit(address)
        answer = Browser().get(f"{parts.path}?{parts.query}", headers=key)
        assert answer.status_code == 200, answer.content
        found[name] = [row["success"] for row in answer.json()["results"]]
    assert found == {"runs": [False, True, False, False, False], "failed": [False] * 4}


def test_its_page_shows_the_runs_and_leads_to_the_probe(
    runs: Runs, probe: Probe, make_user: Callable[..., User]
) -> None:
    alert = runs("oxxx")
    assert alert is not None
    browser = Browser()
    browser.force_login(make_user("Responder"))
    page = browser.get(f"/admin/alerts/alert/{alert.pk}/change/").content.decode()
    assert f'href="/admin/metrics/probe/{probe.pk}/change/"' in page
    assert "The last failed runs" in page
    assert "no id sent" not in page
    chart = browser.get(f"/admin/alerts/alert/{alert.pk}/chart/").json()
    assert (chart["title"], chart["unit"], chart["target"]) == ("Successful runs", "%", None)
    assert 25.0 in chart["lines"][0]["values"]
    assert "3 of 3 failed" in browser.get("/admin/alerts/alert/").content.decode()
