"""The admin of probes: what it refuses, and running one by hand."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client as Browser
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import Client
from metrics.models import PerformanceBaseline, Probe

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(make_user: Any) -> Browser:
    """An SLA manager, signed in."""
    browser = Browser()
    browser.force_login(make_user("SLA manager"))
    return browser


def add(browser: Browser, **changes: Any) -> Any:
    form = {
        "name": "Machine",
        "kind": "system_resources",
        "enabled": "on",
        "component": "nervous_system",
        "service_name": "tests",
        "client": Client.objects.get(code="platform").pk,
        "target": "",
        "payload": "{}",
        "test_conditions": "{}",
        "interval_seconds": 30,
        "timeout_seconds": 5,
        "alert_after": 3,
        "recover_after": 2,
        **changes,
    }
    return browser.post("/admin/metrics/probe/add/", form)


def test_it_takes_a_good_probe(manager: Browser) -> None:
    assert add(manager).status_code == 302
    probe = Probe.objects.get()
    assert probe.next_due_at <= timezone.now()  # due at once


def test_an_emptied_payload_is_an_empty_object(manager: Browser) -> None:
    assert add(manager, payload="", test_conditions="").status_code == 302
    probe = Probe.objects.get()
    assert (probe.payload, probe.test_conditions) == ({}, {})


QUERY = {"kind": "conversational_query", "target": "http://localhost/q"}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("payload", {"payload": "[]"}),
    ("payload", {"payload": "{"}),
    ("payload", {**QUERY, "payload": "{}"}),
    ("target", {**QUERY, "target": "http://example.org/", "payload": json.dumps({"query": "x"})}),
    ("component", {"component": "brain"}),
    ("interval_seconds", {"interval_seconds": 0}),
    ("timeout_seconds", {"timeout_seconds": 301}),
]


@pytest.mark.parametrize(("field", "changes"), REFUSED)
def test_it_refuses_a_probe_that_can_only_fail(
    manager: Browser, field: str, changes: dict[str, Any]
) -> None:
    answer = add(manager, **changes)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Probe.objects.exists()


def test_run_now_makes_enabled_probes_due(manager: Browser) -> None:
    add(manager)
    later = timezone.now() + timedelta(hours=1)
    Probe.objects.update(next_due_at=later)
    form = {"action": "run_now", "_selected_action": [Probe.objects.get().pk]}
    manager.post("/admin/metrics/probe/", form)
    assert Probe.objects.get().next_due_at < later


def test_who_sees_some_clients_adds_probes_of_those_alone(
    make_user: Any, acme: Client, globex: Client
) -> None:
    browser = Browser()
    browser.force_login(make_user("SLA manager", clients=[acme]))
    for hidden in (globex.pk, ""):
        assert "client" in add(browser, client=hidden).context["adminform"].form.errors
    assert add(browser, client=acme.pk).status_code == 302
    assert Probe.objects.get().client == acme


def test_who_sees_some_clients_leaves_shared_baselines_alone(make_user: Any, acme: Client) -> None:
    browser = Browser()
    browser.force_login(make_user("SLA manager", clients=[acme]))
    shared = PerformanceBaseline.objects.filter(client=None)[0]
    url = f"/admin/metrics/performancebaseline/{shared.pk}/change/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"baseline_value": 1}).status_code == 403
    copy = {**model_to_dict(shared, exclude=["id", "client"]), "test_conditions": "{}"}
    copy |= {"measurement_date_0": "2026-03-04", "measurement_date_1": "12:00:00"}
    for client in ("", acme.pk):
        browser.post("/admin/metrics/performancebaseline/add/", {**copy, "client": client})
    added = PerformanceBaseline.objects.filter(pk__gt=shared.pk, metric_name=shared.metric_name)
    assert [baseline.client for baseline in added] == [acme]


def test_a_schedule_is_stopped_by_no_one_who_may_only_look(make_user: Any, acme: Client) -> None:
    browser, task = Browser(), PeriodicTask.objects.filter(enabled=True)[0]
    browser.force_login(make_user("Administrator", clients=[acme]))
    url = "/admin/django_celery_beat/periodictask/"
    assert browser.get(url).status_code == 200
    browser.post(url, {"action": "disable_tasks", "_selected_action": [task.pk]})
    task.refresh_from_db()
    assert task.enabled
    assert browser.post(f"{url}{task.pk}/change/", {}).status_code == 403


@pytest.mark.parametrize("model", ["component", "metricdefinition"])
def test_who_sees_some_clients_leaves_the_catalogue_alone(
    make_user: Any, acme: Client, model: str
) -> None:
    browser = Browser()
    browser.force_login(make_user("Administrator", clients=[acme]))
    assert browser.get(f"/admin/metrics/{model}/").status_code == 200
    assert browser.get(f"/admin/metrics/{model}/add/").status_code == 403


def test_every_list_of_metrics_opens(make_user: Any, make_rows: Any, acme: Client) -> None:
    make_rows(acme, [1.0])
    browser = Browser()
    browser.force_login(make_user("Viewer"))
    for model in ("performancemetric", "performancebaseline", "component", "probe"):
        assert browser.get(f"/admin/metrics/{model}/").status_code == 200
    assert browser.get("/admin/metrics/minuterollup/").status_code == 200


def test_a_row_is_seen_by_those_who_may_see_its_client(
    make_user: Any, make_rows: Any, acme: Client, globex: Client
) -> None:
    make_rows(acme, [1.0], service_name="of-acme")
    make_rows(globex, [1.0], service_name="of-globex")
    browser = Browser()
    browser.force_login(make_user("Viewer", clients=[acme]))
    page = browser.get("/admin/metrics/performancemetric/").content.decode()
    assert "of-acme" in page
    assert "of-globex" not in page


@pytest.mark.parametrize("model", ["performancemetric", "minuterollup"])
def test_nobody_edits_what_was_measured(
    make_user: Any, make_rows: Any, acme: Client, model: str
) -> None:
    browser = Browser()
    browser.force_login(make_user(is_superuser=True))
    assert browser.get(f"/admin/metrics/{model}/add/").status_code == 403
    assert browser.post(f"/admin/metrics/{model}/1/delete/").status_code in {302, 403}


def test_lists_of_rows_never_count_them(
    make_user: Any, make_rows: Any, acme: Client, django_assert_max_num_queries: Any
) -> None:
    make_rows(acme, [1.0] * 120)
    browser = Browser()
    browser.force_login(make_user("Viewer"))
    with django_assert_max_num_queries(12) as asked:
        assert browser.get("/admin/metrics/performancemetric/").status_code == 200
    rows = [q["sql"] for q in asked.captured_queries if '"ai_performance_metrics"' in q["sql"]]
    assert rows
    assert not any("COUNT(" in sql for sql in rows)
