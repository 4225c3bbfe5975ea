"""Promises are edited with a reason, versioned, and tried on history before they are saved."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client, User
from slas import versions
from slas.models import Contract, ModelTarget, ResourceLimit, Sla, SloVersion
from tests.alerts.rows import INFERENCE, QUEUE
from tests.slas.test_admin import form_of

pytestmark = pytest.mark.django_db
WHY = "The new model answers faster."
LATENCY = "sla:simple_queries:latency"


@pytest.fixture
def sam(make_user: Callable[..., User]) -> User:
    """An SLA manager."""
    return make_user("SLA manager", username="sam")


@pytest.fixture
def manager(sam: User) -> Browser:
    """The browser in which Sam is signed in."""
    browser = Browser()
    browser.force_login(sam)
    return browser


@pytest.fixture
def sla(db: None) -> Sla:
    """A promise whose first versions are an hour old."""
    versions.sync(timezone.now() - timedelta(hours=1))
    return Sla.objects.get(code="simple_queries")


def url_of(promise: Any, action: str = "change") -> str:
    return f"/admin/slas/{promise._meta.model_name}/{promise.pk}/{action}/"


def newest(base: str) -> SloVersion:
    return SloVersion.objects.filter(slo__base=base).order_by("-number")[0]


def test_a_changed_number_begins_a_version_with_reason_and_person(
    manager: Browser, sam: User, sla: Sla
) -> None:
    edited = form_of(sla, target_response_time="2500", reason=WHY)
    answer = manager.post(url_of(sla), edited)
    assert answer.status_code == 302, answer.context["errors"]
    version = newest(LATENCY)
    assert (version.number, version.good_within) == (2, 2500)
    assert (version.reason, version.changed_by) == (WHY, sam)
    # What wasn't changed keeps its version.
    assert newest("sla:simple_queries:availability").number == 1


def test_a_second_change_within_the_minute_bears_its_own_reason_and_person(
    manager: Browser, make_user: Callable[..., User], sla: Sla
) -> None:
    manager.post(url_of(sla), form_of(sla, target_response_time="2500", reason=WHY))
    other, ann = Browser(), make_user("SLA manager", username="ann")
    other.force_login(ann)
    other.post(url_of(sla), form_of(sla, target_response_time="2400", reason="Not enough."))
    version = newest(LATENCY)
    assert (version.good_within, version.reason, version.changed_by) == (2400, "Not enough.", ann)


def test_what_changed_is_told_after_saving(manager: Browser, sla: Sla) -> None:
    answer = manager.post(url_of(sla), form_of(sla, target_response_time="2500", reason=WHY))
    told = [str(one) for one in get_messages(answer.wsgi_request)]
    nbsp = "\u00a0"
    change = f"95 % within 3,000{nbsp}ms → 95 % within 2,500{nbsp}ms"
    assert f"Simple queries: latency: {change}" in told


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_saved_and_the_page_shows_what_would_change(
    manager: Browser, sla: Sla, reason: str
) -> None:
    answer = manager.post(url_of(sla), form_of(sla, target_response_time="2500", reason=reason))
    assert "reason" in answer.context["adminform"].form.errors
    page = answer.content.decode()
    assert "What changes" in page
    assert "95 % within 2,500" in page
    sla.refresh_from_db()
    assert sla.target_response_time == 3000
    assert newest(LATENCY).number == 1


def test_words_change_without_a_reason(manager: Browser, sla: Sla) -> None:
    answer = manager.post(url_of(sla), form_of(sla, description="Counting things."))
    assert answer.status_code == 302, answer.context["errors"]
    assert SloVersion.objects.filter(number__gt=1).count() == 0


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        (Sla, {"availability": "99"}),
        (Sla, {"window_seconds": "600"}),
        (Sla, {"minimum_samples": "7"}),
        (Sla, {"enabled": ""}),
        (ModelTarget, {"inference_time": "123"}),
        (ModelTarget, {"accuracy_threshold": "0.5"}),
        (ModelTarget, {"training_time": "1"}),
        (ResourceLimit, {"value": "77"}),
        (ResourceLimit, {"aggregate": "latest"}),
    ],
)
def test_every_number_takes_a_reason(
    manager: Browser, db: None, model: Any, changed: dict[str, str]
) -> None:
    versions.sync(timezone.now())
    promise = model.objects.filter(enabled=True).first()
    edited = form_of(promise, **changed)
    if not edited.get("enabled", True):
        del edited["enabled"]
    answer = manager.post(url_of(promise), edited)
    assert list(answer.context["adminform"].form.errors) == ["reason"]
    answer = manager.post(url_of(promise), {**edited, "reason": WHY})
    assert answer.status_code == 302, answer.context["errors"]
    assert WHY in LogEntry.objects.latest("pk").get_change_message()


def test_an_edit_begun_before_another_was_saved_is_refused(manager: Browser, sla: Sla) -> None:
    page = manager.get(url_of(sla))
    seen = page.context["adminform"].form["seen"].value()
    fresh = form_of(sla, seen=seen, reason=WHY)
    assert manager.post(url_of(sla), {**fresh, "availability": "99"}).status_code == 302
    answer = manager.post(url_of(sla), {**fresh, "target_response_time": "2500"})
    errors = answer.context["adminform"].form.non_field_errors()
    assert "Someone else changed this promise" in errors[0]
    sla.refresh_from_db()
    assert (sla.availability, sla.target_response_time) == (99, 3000)


def test_a_reason_is_not_given_to_what_others_left_behind(manager: Browser, sla: Sla) -> None:
    ResourceLimit.objects.filter(name="max_queue_size").update(value=5)
    manager.post(url_of(sla), form_of(sla, target_response_time="2500", reason=WHY))
    other = SloVersion.objects.get(
        slo__base="limit:cognitive_core:max_queue_size", valid_until=None
    )
    assert (other.reason, other.changed_by) == (versions.FOUND_CHANGED, None)


def test_deleting_a_promise_ends_its_versions(manager: Browser, sla: Sla) -> None:
    assert manager.post(url_of(sla, "delete"), {"post": "yes"}).status_code == 302
    assert not SloVersion.objects.filter(
        slo__base__startswith="sla:simple_queries:", valid_until=None
    ).exists()


def test_the_page_shows_every_version_with_who_and_why(manager: Browser, sla: Sla) -> None:
    manager.post(url_of(sla), form_of(sla, target_response_time="2500", reason=WHY))
    page = manager.get(url_of(sla))
    step, first = page.context["history"]
    assert (step.reason, step.who) == (WHY, "sam")
    ((what, before, now),) = step.lines
    assert (what, before[:15], now[:15]) == ("Latency", "95 % within 3,0", "95 % within 2,5")
    assert (first.at, first.reason) == (None, versions.FIRST)
    assert "Availability" in [line[0] for line in first.lines]
    assert WHY in page.content.decode()


def test_who_only_reads_sees_versions_and_neither_reason_nor_backtest(
    make_user: Callable[..., User], acme: Client, sla: Sla
) -> None:
    browser = Browser()
    browser.force_login(make_user("SLA manager", clients=[acme]))
    page = browser.get(url_of(sla)).content.decode()
    assert "Versions" in page
    assert "Reason for the change" not in page
    assert "What would have happened" not in page
    assert browser.post(url_of(sla, "backtest"), form_of(sla)).status_code == 403


def ask(manager: Browser, promise: Any, **changed: Any) -> Any:
    return manager.post(url_of(promise, "backtest"), form_of(promise, **changed))


def test_the_backtest_tells_alerts_and_compliance_of_both_and_saves_nothing(
    manager: Browser, sla: Sla, acme: Client, make_rows: Callable[..., Any]
) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    make_rows(acme, [2800.0] * 10, timestamp=now - timedelta(hours=2))
    make_rows(acme, [400.0] * 10, timestamp=now - timedelta(hours=1))
    answer = ask(manager, sla, target_response_time="2500", backtest_days="1")
    assert answer.status_code == 200
    assert (answer.context["now_alerts"], answer.context["then_alerts"]) == (0, 1)
    part = answer.context["parts"][0]
    assert (part.what, part.changed) == ("Simple queries: latency", True)
    (client,) = part.clients
    assert (client.name, client.now.alerts, client.then.alerts) == ("Acme Manufacturing", 0, 1)
    assert (client.now.compliance, client.then.compliance) == ("100\u00a0%", "50\u00a0%")
    # The slow quarter outlasts the hour: 1 of 2 requests was bad over six.
    assert "still open" in client.when[0]
    sla.refresh_from_db()
    assert sla.target_response_time == 3000
    assert newest(LATENCY).number == 1


def test_the_backtest_of_a_wrong_form_names_the_fields(manager: Browser, sla: Sla) -> None:
    answer = ask(manager, sla, availability="101", target_response_time="x")
    assert dict(answer.context["errors"]).keys() == {
        "Availability (%)",
        "Target response time (ms)",
    }


def test_a_promise_that_is_not_made_yet_is_tried_too(
    manager: Browser, sla: Sla, acme: Client, make_rows: Callable[..., Any]
) -> None:
    make_rows(acme, [2800.0] * 10, timestamp=timezone.now() - timedelta(hours=2))
    answer = manager.post(
        "/admin/slas/sla/add/backtest/",
        form_of(sla, code="brand_new", target_response_time="2500"),
    )
    assert answer.context["then_alerts"] == 1
    assert answer.context["parts"][0].now == "not promised"
    assert not Sla.objects.filter(code="brand_new").exists()


def test_without_the_script_the_answer_is_a_page_of_its_own(manager: Browser, sla: Sla) -> None:
    page = ask(manager, sla).content.decode()
    assert "<html" in page
    assert "backtest.css" in page
    headers = {"X-Requested-With": "fetch"}
    fragment = manager.post(url_of(sla, "backtest"), form_of(sla), headers=headers)
    assert fragment.content.decode().lstrip().startswith('<div class="aio-bt"')


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_edits_at_once_one_is_saved_and_keeps_its_reason(
    manager: Browser, sam: User, sla: Sla
) -> None:
    seen = manager.get(url_of(sla)).context["adminform"].form["seen"].value()
    barrier = threading.Barrier(3, timeout=10)

    def save(availability: str) -> int:
        try:
            browser = Browser()
            browser.force_login(sam)
            barrier.wait()
            form = form_of(sla, availability=availability, reason=WHY, seen=seen)
            return browser.post(url_of(sla), form).status_code
        finally:
            connection.close()

    def sync() -> int:
        try:
            barrier.wait()
            return sum(versions.sync(timezone.now()) for _ in range(20))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        saves = [pool.submit(save, number) for number in ("97", "98")]
        swept = pool.submit(sync)
        assert sorted(one.result(30) for one in saves) == [200, 302]
        # The schedule's own pass finds the edit and its version, or neither.
        assert swept.result(30) == 0
    version = newest("sla:simple_queries:availability")
    sla.refresh_from_db()
    assert (version.number, version.reason, version.changed_by) == (2, WHY, sam)
    assert version.share == sla.availability


def test_asking_is_a_post(manager: Browser, sla: Sla) -> None:
    assert manager.get(url_of(sla, "backtest")).status_code == 405


def test_too_much_history_is_said_and_fewer_days_are_offered(
    manager: Browser,
    sla: Sla,
    acme: Client,
    make_rows: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_rows(acme, [2800.0] * 3, timestamp=timezone.now() - timedelta(hours=2))
    monkeypatch.setattr("slas.backtest.MOST_PARTS", 0)
    answer = ask(manager, sla, backtest_days="14")
    assert answer.context["fewer"] == [1, 7]
    assert "too much history" in answer.content.decode()


def test_a_limit_and_a_model_are_tried_too(
    manager: Browser, db: None, acme: Client, make_rows: Callable[..., Any]
) -> None:
    at = timezone.now() - timedelta(hours=2)
    limit = ResourceLimit.objects.get(component="cognitive_core", name="max_queue_size")
    make_rows(acme, [limit.value - 1], timestamp=at, **QUEUE)
    answer = ask(manager, limit, value=str(limit.value - 2), backtest_days="1")
    assert (answer.context["now_alerts"], answer.context["then_alerts"]) == (0, 1)
    target = ModelTarget.objects.get(model_name="rework_risk_assessment")
    slow = {**INFERENCE, "ml_models_used": [target.model_name]}
    make_rows(acme, [target.inference_time - 1] * 20, timestamp=at, **slow)
    answer = ask(manager, target, inference_time=str(target.inference_time - 2))
    assert (answer.context["now_alerts"], answer.context["then_alerts"]) == (0, 1)


def test_a_disabled_promise_would_have_had_no_alerts(
    manager: Browser, sla: Sla, acme: Client, make_rows: Callable[..., Any]
) -> None:
    make_rows(acme, [9000.0] * 10, timestamp=timezone.now() - timedelta(hours=2))
    form = form_of(sla)
    del form["enabled"]
    answer = manager.post(url_of(sla, "backtest"), form)
    assert answer.context["now_alerts"] == 2
    assert answer.context["then_alerts"] == 0
    assert {change.new for change in answer.context["changes"]} == {"no longer promised"}


def test_a_client_with_its_own_contract_is_marked(
    manager: Browser, sla: Sla, acme: Client, make_rows: Callable[..., Any]
) -> None:
    now = timezone.now()
    start = now.date() - timedelta(days=3)
    Contract.objects.create(client=acme, sla=sla, valid_from=start, target_response_time=5000)
    versions.sync(now)
    make_rows(acme, [9000.0] * 10, timestamp=now - timedelta(hours=2))
    (client,) = ask(manager, sla).context["parts"][0].clients
    assert client.own_contract
