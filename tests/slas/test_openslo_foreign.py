"""OpenSLO documents that were not made here: what maps is taken, what doesn't is named."""

import pytest
from django.utils import timezone

from slas.models import ResourceLimit, Sla
from slas.openslo import importing
from slas.openslo.importing import Plan
from slas.openslo.vocabulary import Refused

pytestmark = pytest.mark.django_db

SERVICE = """\
apiVersion: openslo/v1
kind: Service
metadata:
  name: checkout-chat
  displayName: Checkout chat
  labels: {team: [a, b]}
spec:
  description: The assistant in the shop's checkout.
---
"""
RATIO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: chat-success
  annotations:
    aiosmon.io/metric-name: conversational_query_response_time
    aiosmon.io/component: cognitive_core
    aiosmon.io/within: "9000"
spec:
  service: checkout-chat
  indicator:
    metadata:
      name: chat-success-ratio
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            type: Prometheus
            spec:
              query: sum(http_requests{status!~"5.."})
        total:
          metricSource:
            type: Prometheus
            spec:
              query: sum(http_requests)
  timeWindow:
    - duration: 4w
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - target: 0.998
  alertPolicies:
    - kind: AlertPolicy
      metadata:
        name: fast
      spec:
        conditions:
          - kind: AlertCondition
            metadata:
              name: fast
            spec:
              severity: page
              condition:
                kind: burnrate
                op: gt
                threshold: 600
                lookbackWindow: 1h
---
"""
THRESHOLD = """\
apiVersion: openslo/v1
kind: SLI
metadata:
  name: chat-latency
  annotations:
    aiosmon.io/metric-name: conversational_query_response_time
    aiosmon.io/component: cognitive_core
spec:
  thresholdMetric:
    metricSource:
      type: Datadog
      spec:
        query: p95:chat.latency
---
apiVersion: openslo/v1
kind: SLO
metadata:
  name: chat-latency
spec:
  service: checkout-chat
  indicatorRef: chat-latency
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - op: lte
      value: 2500
      targetPercent: 95
"""
QUEUE = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: queue-length
  annotations:
    aiosmon.io/metric-name: chat_queue_length
    aiosmon.io/component: cognitive_core
    aiosmon.io/unit: count
    aiosmon.io/aggregate: max
spec:
  description: Nobody waits behind more than forty others.
  service: checkout-chat
  indicator:
    metadata: {name: queue}
    spec:
      thresholdMetric:
        metricSource: {type: Prometheus, spec: {query: max(queue)}}
  budgetingMethod: Timeslices
  objectives:
    - {op: lt, value: 40, target: 0.99, timeSliceTarget: 0.99, timeSliceWindow: 1m}
"""


def imported(text: str) -> Plan:
    return importing.apply(text, timezone.now())


def left_out(plan: Plan) -> str:
    return "\n".join(str(one) for one in plan.unmapped)


def test_a_ratio_and_a_threshold_of_one_service_become_an_sla() -> None:
    planned = imported(SERVICE + RATIO + THRESHOLD)
    sla = Sla.objects.get(code="checkout-chat")
    assert sla.description == "The assistant in the shop's checkout."
    assert (sla.metric_name, sla.component) == (
        "conversational_query_response_time",
        "cognitive_core",
    )
    assert (sla.target_response_time, sla.latency_share) == (2500.0, 95.0)
    assert (sla.max_response_time, sla.availability) == (9000.0, 99.8)
    assert sla.user_satisfaction_target is None
    assert [step.action for step in planned.steps] == ["new"]


def test_what_has_no_place_is_named_with_its_line() -> None:
    text = SERVICE + RATIO + THRESHOLD
    named = left_out(imported(text))
    for part, words in {
        "labels:": "Labels are not kept",
        "duration: 4w": "30 rolling days",
        "kind: burnrate": "not kept. An objective of 99.8",
    }.items():
        line = text[: text.index(part)].count("\n") + 1
        assert any(one.startswith(f"line {line},") and words in one for one in named.split("\n")), (
            line,
            named,
        )


def test_a_lone_promise_of_latency_is_its_availability_too() -> None:
    planned = imported(SERVICE + THRESHOLD)
    sla = Sla.objects.get(code="checkout-chat")
    assert (sla.target_response_time, sla.max_response_time) == (2500.0, 2500.0)
    assert (sla.latency_share, sla.availability) == (95.0, 95.0)
    assert "both are taken from this" in left_out(planned)


def test_two_objectives_of_one_slo_are_the_tight_and_the_wide_one() -> None:
    second = "    - {op: lte, value: 8000, targetPercent: 99.9}\n"
    imported(SERVICE + THRESHOLD + second)
    sla = Sla.objects.get(code="checkout-chat")
    assert (sla.target_response_time, sla.latency_share) == (2500.0, 95.0)
    assert (sla.max_response_time, sla.availability) == (8000.0, 99.9)


def test_a_threshold_in_another_unit_becomes_a_resource_limit() -> None:
    planned = imported(QUEUE)
    limit = ResourceLimit.objects.get(name="queue_length")
    assert (limit.component, limit.value, limit.unit) == ("cognitive_core", 40.0, "count")
    assert (limit.aggregate, limit.metric_name) == ("max", "chat_queue_length")
    assert limit.description == "Nobody waits behind more than forty others."
    assert "lt is read as lte" in left_out(planned)


def test_a_promise_that_is_there_keeps_what_the_text_does_not_say() -> None:
    imported(SERVICE + THRESHOLD)
    Sla.objects.filter(code="checkout-chat").update(business_impact="Sales are lost.")
    imported(SERVICE + THRESHOLD.replace("2500", "2400"))
    sla = Sla.objects.get(code="checkout-chat")
    assert (sla.target_response_time, sla.business_impact) == (2400.0, "Sales are lost.")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    aiosmon.io/metric-name: conversational_query_response_time\n", "", "which metric"),
        ("Occurrences", "Timeslices", "slices of time"),
        ("good:", "bad:", "Bad or raw"),
    ],
)
def test_an_slo_that_does_not_map_is_left_out_by_name(old: str, new: str, words: str) -> None:
    text = SERVICE + RATIO
    if "metric-name" in old:
        lines = [line for line in text.splitlines() if "aiosmon.io" not in line]
        text = "\n".join(lines).replace("  annotations:\n", "")
    else:
        text = text.replace(old, new, 1)
    planned = importing.plan(text)
    assert not planned.steps
    assert words in left_out(planned)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('    aiosmon.io/within: "9000"\n', "", "which events are good"),
        ("    aiosmon.io/component: cognitive_core\n", "", "No component"),
        ("target: 0.998", "target: 99.8", "can't be promised"),
        ("target: 0.998", "targt: 0.998", "unknown"),
        ("lookbackWindow: 1h", "lookbackWindow: soon", "is none"),
        ('within: "9000"', "within: 9000", "must be text"),
        ('within: "9000"', 'within: "900000"', "window_seconds|too short|at least"),
        ("duration: 4w", "duration: weeks", "no duration"),
    ],
)
def test_what_is_wrong_in_it_refuses_all_of_it(old: str, new: str, words: str) -> None:
    text = SERVICE + RATIO + THRESHOLD
    assert old in text
    with pytest.raises(Refused, match=words):
        imported(text.replace(old, new))
    assert not Sla.objects.filter(code="checkout-chat").exists()


def test_every_problem_is_told_at_once() -> None:
    text = (SERVICE + RATIO + THRESHOLD).replace("0.998", "99.8").replace("targetPercent", "tgt")
    with pytest.raises(Refused) as refused:
        imported(text)
    assert len(refused.value.problems) >= 2
