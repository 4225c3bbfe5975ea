"""Alert rules that people set: which hold, which are refused, and what the page shows of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client, User
from slas import budget, objectives, rules
from slas.models import BurnRule, Contract, ModelTarget, Sla
from slas.objectives import Kind, Objective

pytestmark = pytest.mark.django_db
Make = Callable[..., Objective]


def rule(**fields: Any) -> BurnRule:
    """A rule for all promises, unless told otherwise; not saved."""
    numbers = {"name": "steep", "long_minutes": 60, "short_minutes": 5, "burn": 10.0}
    return BurnRule(**{**numbers, **fields})


def names(key: str) -> list[str]:
    """The rules in force for an objective."""
    found = rules.Rules()
    return [r.name for o in objectives.enabled() if o.key == key for r in found.of(o)]


def test_without_own_rules_the_standard_ones_and_the_fast_one_hold() -> None:
    assert names("sla:user_feedback_processing:availability") == [
        "fast", "1h/5m", "6h/30m", "1d/2h", "3d/6h",
    ]  # fmt: skip
    assert names("sla:simple_queries:latency")[:2] == ["fast", "12m/5m"]
    assert names("sla:simple_queries:satisfaction") == []


def test_own_rules_take_the_place_of_the_standard_ones_for_their_promise_alone() -> None:
    rule(sla=Sla.objects.get(code="simple_queries"), pages=False).save()
    rule(sla=Sla.objects.get(code="simple_queries"), name="off", enabled=False).save()
    rule(name="default", hold_seconds=90).save()
    assert names("sla:simple_queries:latency") == ["fast", "steep"]
    assert names("sla:moderate_queries:latency") == ["fast", "default"]
    assert names("model:rework_risk_assessment:inference_time") == ["fast", "default"]


def test_one_named_fast_replaces_the_fast_rule_alone_and_may_switch_it_off() -> None:
    simple = Sla.objects.get(code="simple_queries")
    rule(sla=simple, name="fast", enabled=False).save()
    assert names("sla:simple_queries:availability")[0] == "1h/5m"


def test_a_promise_of_everything_fires_on_one_bad_event(objective: Make) -> None:
    (only,) = rules.in_force(objective(share=100.0), [rule()])
    assert budget.fires(only, 1.0, budget.Counts(99, 100), budget.Counts(99, 100))
    assert not budget.fires(only, 1.0, budget.Counts(9, 9), budget.Counts(9, 9))


@pytest.mark.parametrize(("window", "whole"), [(10, 1), (89, 1), (91, 2), (250, 4), (300, 5)])
def test_the_fast_rules_window_is_the_promises_in_whole_minutes(
    objective: Make, window: int, whole: int
) -> None:
    fast = rules.in_force(objective(window=timedelta(seconds=window)), [])[0]
    assert fast.long == fast.short == timedelta(minutes=whole)


def test_an_impossible_rule_is_refused_with_the_arithmetic() -> None:
    own = rule(sla=Sla.objects.get(code="simple_queries"), burn=25.0)
    with pytest.raises(ValidationError) as refused:
        own.full_clean()
    (text,) = refused.value.message_dict["burn"]
    assert text == (
        "simple_queries: latency: An objective of 95.0000% can't burn faster than "
        "1 / (1 − 0.95) = 20, so a threshold of 25 would never be exceeded. "
        "Choose one below 20, or a higher objective."
    )


def test_a_clients_lower_promise_counts_too(acme: Client) -> None:
    Sla.objects.update(latency_share=99)
    sla = Sla.objects.get(code="simple_queries")
    own = rule(sla=sla, burn=12.0)
    own.full_clean()
    contract = {"client": acme, "sla": sla, "valid_from": "2026-01-01", "availability": 90}
    Contract.objects.create(**contract)
    with pytest.raises(ValidationError, match="can't burn faster than 1 / "):
        own.full_clean()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"short_minutes": 61}, "can't be longer"),
        ({"sla_id": 1, "model_target_id": 1}, "not both"),
        ({"burn": 0}, "more than 0"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], error: str) -> None:
    ids = {"sla_id": Sla.objects.all()[0].pk, "model_target_id": ModelTarget.objects.all()[0].pk}
    known = {name: ids.get(name, value) for name, value in fields.items()}
    with pytest.raises(ValidationError, match=error):
        rule(**known).full_clean()


def test_the_page_shows_what_a_rule_finds_and_refuses_what_never_fires(
    make_user: Callable[..., User], client: Browser
) -> None:
    client.force_login(make_user("SLA manager"))
    own = rule(sla=Sla.objects.get(code="simple_queries"))
    own.save()
    url = reverse("admin:slas_burnrule_change", args=[own.pk])
    page = client.get(url).content.decode().replace("\xa0", " ")
    # 60 min · 10 · 5 % / 100 %: half an hour; 99.5 %: 3 minutes, and half an hour at 10 %.
    assert "simple_queries: availability" in page
    assert ">3 min<" in page
    assert ">30 min<" in page
    form = {"sla": own.sla_id or 0, "name": "steep", "long_minutes": 60, "short_minutes": 5}
    form |= {"burn": "20", "hold_seconds": 0, "enabled": "on"}
    told = client.post(url, form).content.decode()
    assert "1 / (1 − 0.95) = 20" in told
    assert client.post(url, {**form, "burn": "19"}).status_code == 302
    assert BurnRule.objects.get().burn == 19


def test_a_viewer_looks_and_changes_nothing(
    make_user: Callable[..., User], client: Browser
) -> None:
    client.force_login(make_user("Viewer"))
    own = rule()
    own.save()
    url = reverse("admin:slas_burnrule_change", args=[own.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {}).status_code == 403


def test_every_share_objective_has_rules_that_page() -> None:
    found = rules.Rules()
    for one in objectives.enabled():
        by_share = one.kind in (Kind.LATENCY, Kind.AVAILABILITY)
        assert any(r.pages for r in found.of(one)) == by_share
