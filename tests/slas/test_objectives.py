"""Promises as objectives."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django_celery_beat.models import PeriodicTask

from slas import objectives
from slas.models import ModelTarget, ResourceLimit, Sla
from slas.objectives import Kind, Objective

pytestmark = pytest.mark.django_db


def _by_key() -> dict[str, Objective]:
    return {objective.key: objective for objective in objectives.enabled()}


def test_every_number_promised_of_time_availability_rating_and_limit_is_evaluated() -> None:
    keys = {objective.key for objective in objectives.enabled()}
    expected = {f"sla:{sla.code}:{kind}" for sla in Sla.objects.all() for kind in Kind}
    expected -= {key for key in expected if key.endswith((":limit", ":at_least"))}
    expected -= {"sla:user_feedback_processing:satisfaction"}
    expected |= {"sla:user_feedback_processing:learning_integration"}
    for model in ModelTarget.objects.values_list("model_name", flat=True):
        for name in ("inference_time", "satisfaction", "accuracy", "business_accuracy"):
            expected.add(f"model:{model}:{name}")
        expected |= {f"model:{model}:training_time", f"model:{model}:model_size"}
    for limit in ResourceLimit.objects.all():
        expected.add(f"limit:{limit.component}:{limit.name}")
    assert keys == expected


def test_the_keys_are_unique_and_stay_when_numbers_change() -> None:
    before = [objective.key for objective in objectives.enabled()]
    Sla.objects.update(target_response_time=1, latency_share=50, window_seconds=60)
    ModelTarget.objects.update(inference_time=1)
    ResourceLimit.objects.update(value=1, metric_name="other")
    assert [objective.key for objective in objectives.enabled()] == before
    assert len(set(before)) == len(before) == 12 + 24 + 20


@pytest.mark.parametrize("model", [Sla, ModelTarget, ResourceLimit])
def test_a_disabled_promise_is_not_evaluated(model: type[Sla]) -> None:
    promise = model.objects.first()
    assert promise is not None
    before = len(objectives.enabled())
    model.objects.filter(pk=promise.pk).update(enabled=False)
    assert len(objectives.enabled()) < before


def test_an_sla_makes_latency_and_availability_of_its_two_times() -> None:
    promises = _by_key()
    latency = promises["sla:simple_queries:latency"]
    available = promises["sla:simple_queries:availability"]
    assert (latency.threshold, latency.good_within, latency.share) == (3000, 3000, 95)
    assert (available.threshold, available.good_within, available.share) == (99.5, 6000, 99.5)
    assert (latency.threshold_unit, available.threshold_unit) == ("ms", "percent")
    assert latency.query_complexity == available.query_complexity == "simple"


def test_an_slas_ratings_have_their_own_window_and_minimum() -> None:
    Sla.objects.filter(code="simple_queries").update(
        satisfaction_window_seconds=7200, minimum_votes=3
    )
    rating = _by_key()["sla:simple_queries:satisfaction"]
    assert (rating.threshold, rating.threshold_unit) == (4.5, "score")
    assert (rating.window, rating.minimum) == (timedelta(hours=2), 3)


def test_learning_integration_is_judged_in_seconds_on_its_own_metric() -> None:
    learning = _by_key()["sla:user_feedback_processing:learning_integration"]
    assert (learning.metric_name, learning.unit) == ("learning_integration_time", "seconds")
    assert (learning.threshold, learning.good_within) == (3600, 3600)


def test_a_models_objectives_select_its_own_rows() -> None:
    promises = _by_key()
    inference = promises["model:rework_risk_assessment:inference_time"]
    rating = promises["model:rework_risk_assessment:satisfaction"]
    assert inference.model == rating.model == "rework_risk_assessment"
    assert (inference.threshold, inference.unit, rating.threshold) == (300, "ms", 4.1)


def test_a_limit_is_held_in_its_own_unit_and_aggregate() -> None:
    queue = _by_key()["limit:cognitive_core:max_queue_size"]
    assert (queue.threshold, queue.unit, queue.aggregate) == (100, "count", "max")
    assert queue.kind == Kind.LIMIT


def test_a_target_above_the_maximum_is_refused_with_a_message() -> None:
    sla = Sla.objects.get(code="simple_queries")
    sla.target_response_time = sla.max_response_time + 1
    with pytest.raises(ValidationError, match="can't exceed the maximum"):
        sla.full_clean()


def test_the_database_refuses_a_target_above_the_maximum() -> None:
    with pytest.raises(IntegrityError, match="sla_target_within_maximum"), transaction.atomic():
        Sla.objects.filter(code="simple_queries").update(target_response_time=6001)


def test_a_target_at_the_maximum_is_taken() -> None:
    sla = Sla.objects.get(code="simple_queries")
    sla.target_response_time = sla.max_response_time
    sla.full_clean()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target_response_time", 0),
        ("availability", 100.1),
        ("latency_share", -1),
        ("user_satisfaction_target", 5.1),
        ("window_seconds", 9),
        ("minimum_samples", 0),
        ("examples", {"not": "a list"}),
        ("learning_integration_time", 60),  # without the metric held against it
    ],
)
def test_a_promise_that_could_not_be_judged_is_refused(field: str, value: object) -> None:
    sla = Sla.objects.get(code="simple_queries")
    setattr(sla, field, value)
    with pytest.raises(ValidationError):
        sla.full_clean()


def test_forgetting_old_verdicts_is_scheduled_hourly() -> None:
    scheduled = PeriodicTask.objects.get(task="slas.tasks.forget_old_verdicts")
    assert scheduled.enabled
    assert (scheduled.interval.every, scheduled.interval.period) == (3600, "seconds")


def test_a_limits_component_cannot_hold_what_parts_the_key() -> None:
    limit = ResourceLimit.objects.get(name="max_queue_size")
    limit.component = "cognitive:core"
    with pytest.raises(ValidationError, match="slug"):
        limit.full_clean()
