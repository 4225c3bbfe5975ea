"""Playbooks: which one fits, what it says, and that every case of the specification has one."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Client
from alerts.models import Alert, AlertType, Playbook
from alerts.raising import evaluation, playbooks
from slas import objectives
from slas.models import ModelTarget, ResourceLimit, Sla
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
Make = Callable[..., Alert]
OF_MODEL = (
    "inference_time", "accuracy", "business_accuracy", "training_time", "model_size",
    "satisfaction",
)  # fmt: skip
FALLBACKS = {
    "Any other alert", "A limit is exceeded", "A model is worse than promised",
    "Requests too slow", "Requests fail", "Users are not satisfied", "Learning comes too late",
}  # fmt: skip


def cases() -> list[dict[str, str]]:
    """Every objective of the specification's promises, and the types without one."""
    found = [
        {"alert_type": "sla_breach", "objective": one.key, "component": one.component}
        for sla in Sla.objects.all()
        for one in objectives.of_sla(sla)
    ]
    found += [
        {
            "alert_type": "model_degradation",
            "objective": f"model:{target.model_name}:{kind}",
            "model": target.model_name,
        }
        for target in ModelTarget.objects.all()
        for kind in OF_MODEL
    ]
    found += [
        {
            "alert_type": "resource_limit",
            "objective": objectives.of_limit(limit).key,
            "component": limit.component,
        }
        for limit in ResourceLimit.objects.all()
    ]
    types = ("no_data", "probe_failed", "predictive", "self")
    return [*found, *({"alert_type": one, "objective": found[0]["objective"]} for one in types)]


def test_every_case_of_the_specification_has_a_playbook_of_its_own(make_alert: Make) -> None:
    shelf = list(Playbook.objects.all())
    alert = make_alert()
    every = cases()
    assert len(every) == 12 + 24 + 20 + 4
    used = set()
    for case in every:
        for name, value in case.items():
            setattr(alert, name, value)
        found = playbooks.best(alert, shelf)
        assert found is not None
        assert found.name not in FALLBACKS, case
        used.add((found.name, case.get("component", ""), case["objective"].split(":")[0]))
        text = playbooks.render(found, alert)
        assert not re.search(r"[{}]", text)
        assert len(text) > 80
    # Limits of the same name in two components have one each.
    assert len({name for name, _, promise in used if promise == "limit"}) == 20


def test_shipped_playbooks_name_only_what_there_is(db: None) -> None:
    for one in Playbook.objects.all():
        assert playbooks.unknown(one.body) == []


def test_other_alerts_have_a_playbook_too(make_alert: Make) -> None:
    for alert_type in AlertType.values:
        alert = make_alert(alert_type=alert_type, objective="sla:our_own:latency")
        assert playbooks.best(alert) is not None


def test_placeholders_are_filled_from_the_evidence(
    acme: Client, make_rows: Callable[..., Any], now: datetime
) -> None:
    make_rows(acme, [4000] * 8 + [100] * 2, timestamp=now, request_id="slow-1")
    evaluation.evaluate(now)
    text = Alert.objects.get().recommended_action or ""
    assert text.startswith(
        "8 of 10 requests of Acme Manufacturing missed the promise (0 failed, 8 were too slow); "
        "the 95th percentile is 4,000"
    )
    assert "Follow request `slow-1` through the logs" in text
    assert "Last deployment near: none near." in text


def test_a_promises_own_advice_comes_first(
    acme: Client, make_rows: Callable[..., Any], now: datetime
) -> None:
    Sla.objects.filter(code="simple_queries").update(recommended_action="Call Ann.")
    make_rows(acme, [4000] * 8, timestamp=now)
    evaluation.evaluate(now)
    assert (Alert.objects.get().recommended_action or "").startswith("Call Ann.\n\n8 of 8")


def test_the_largest_priority_wins_of_those_enabled(make_alert: Make) -> None:
    here = [{"name": "component", "op": "=", "value": "cognitive_core"}]
    for name, priority, enabled in (("a", 900, False), ("b", 800, True), ("c", 800, True)):
        Playbook.objects.create(
            name=name, priority=priority, enabled=enabled, matchers=here, body=name
        )
    found = playbooks.best(make_alert())
    assert found is not None
    assert found.name == "b"
    Playbook.objects.filter(name="b").update(runbook_url="https://wiki/b")
    assert playbooks.action(make_alert()) == "b\n\nRunbook: <https://wiki/b>"


def test_unknown_placeholders_are_named() -> None:
    assert playbooks.unknown("{client} {clinet} {} {worst_request} {x y}") == ["clinet", "", "x y"]


def test_what_services_send_makes_no_links_or_elements(make_alert: Make) -> None:
    alert = make_alert()
    nasty = "`x`](javascript:alert(1)) <img src=x onerror=y>\n# " + "z" * 500
    alert.evidence = {"worst": [{"request_id": nasty}]}
    text = playbooks.fill("see `{worst_request}`", playbooks.values(alert))
    assert not re.search(r"[<>\[\]\n]|`.*`.*`", text)
    assert len(text) < 150


def test_an_alert_that_goes_on_gets_fresh_words(
    acme: Client, make_rows: Callable[..., Any], now: datetime
) -> None:
    for seconds in (0, 61):
        make_rows(acme, [4000] * 5, timestamp=later(now, seconds))
        evaluation.evaluate(later(now, seconds))
    assert "10 of 10 requests" in (Alert.objects.get().recommended_action or "")
