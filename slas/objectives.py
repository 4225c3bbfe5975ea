"""What each SLA, model target and resource limit promises, as objectives.

One promise in business words holds several objectives; each has a key that
stays the same for as long as the promise does.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from metrics.units import Unit
from slas.models import Criticality, ModelTarget, ResourceLimit, Sla

# What a training reports of a model, which is named in ml_models_used. Its accuracy is reported in
# the model target's accuracy metric (R², F1 or classification accuracy).
ACCURACY_METRIC, BUSINESS_METRIC = "model_accuracy", "model_business_accuracy"
TRAINING_METRIC, SIZE_METRIC = "ml_training_time", "ml_model_size"
# Trainings are rare: a report holds until the next one, at most so long.
TRAINED_WITHIN = timedelta(days=30)


class Kind(StrEnum):
    """How an objective is judged."""

    LATENCY = "latency"  # share of requests that succeed within a target
    AVAILABILITY = "availability"  # share that succeed within the maximum
    SATISFACTION = "satisfaction"  # mean rating
    LIMIT = "limit"  # an aggregate of values stays at or under a limit
    AT_LEAST = "at_least"  # an aggregate of values stays at or over a least value


BY_SHARE = frozenset({Kind.LATENCY, Kind.AVAILABILITY})
_ACCURATE = (Kind.AT_LEAST, Unit.ACCURACY)


class Promise(StrEnum):
    """Where an objective comes from."""

    SLA = "sla"
    MODEL = "model"
    RESOURCE = "limit"


@dataclass(frozen=True)
class Objective:
    """One SLI with its target and window."""

    promise: Promise
    code: str  # of the SLA, model or component/limit
    kind: Kind
    metric_name: str
    component: str
    unit: str  # of values and of good_within
    threshold: float  # what an alert names: ms, percent, stars or the limit
    window: timedelta
    minimum: int  # measurements (votes) needed for a verdict
    share: float = 100.0  # percent of events that must be good
    good_within: float = 0.0  # a good event's largest value
    query_complexity: str = ""
    model: str = ""
    aggregate: str = ResourceLimit.Aggregate.MEAN
    include_synthetic: bool = False
    name: str = ""  # tells objectives of the same kind and promise apart
    criticality: str = Criticality.NORMAL
    business_impact: str = ""
    recommended_action: str = ""

    @property
    def key(self) -> str:
        """Identifies the objective in verdicts and fingerprints."""
        return f"{self.promise}:{self.code}:{self.name or self.kind}"

    @property
    def threshold_unit(self) -> str:
        """The unit of threshold and actual value."""
        return {Kind.AVAILABILITY: Unit.PERCENT, Kind.SATISFACTION: Unit.SCORE}.get(
            self.kind, self.unit
        )


def enabled(keys: Collection[str] | None = None) -> list[Objective]:
    """Every objective that is evaluated now, or of these ``keys`` alone."""
    slas = Sla.objects.filter(enabled=True)
    targets = ModelTarget.objects.filter(enabled=True)
    limits = ResourceLimit.objects.filter(enabled=True)
    if keys is not None:
        codes = defaultdict(set)
        for promise, code, _name in (key.split(":", 2) for key in keys):
            codes[promise].add(code)
        slas = slas.filter(code__in=codes[Promise.SLA])
        targets = targets.filter(model_name__in=codes[Promise.MODEL])
        limits = limits.filter(component__in=codes[Promise.RESOURCE])
    found = [objective for sla in slas for objective in of_sla(sla)]
    found += [objective for target in targets for objective in of_model(target)]
    found += [of_limit(limit) for limit in limits]
    return found if keys is None else [one for one in found if one.key in keys]


def of_sla(sla: Sla) -> list[Objective]:
    """Latency, availability, and where promised satisfaction and learning integration."""
    found = [_sla_latency(sla), _sla_availability(sla)]
    if sla.user_satisfaction_target is not None:
        found.append(_sla_satisfaction(sla, sla.user_satisfaction_target))
    if sla.learning_integration_time is not None:
        found.append(_sla_learning(sla, sla.learning_integration_time))
    return found


def of_model(target: ModelTarget) -> list[Objective]:
    """Inference time, what each training comes to, and the satisfaction with the model's answers.

    Trainings report accuracy, training time and size; the latest report holds until the next.
    """
    window = timedelta(seconds=target.window_seconds)
    share = {"threshold": target.inference_time, "good_within": target.inference_time}
    trained = {"window": TRAINED_WITHIN, "minimum": 1, "aggregate": ResourceLimit.Aggregate.LATEST}
    return [
        _of_model(
            target,
            Kind.LATENCY,
            target.metric_name,
            Unit.MILLISECONDS,
            name="inference_time",
            share=target.latency_share,
            window=window,
            minimum=target.minimum_samples,
            **share,
        ),
        _of_model(
            target,
            Kind.SATISFACTION,
            "",
            Unit.SCORE,
            threshold=target.user_satisfaction,
            window=timedelta(days=1),
            minimum=max(target.minimum_samples, 10),
        ),
        *(
            _of_model(target, kind, metric, unit, name=name, threshold=threshold, **trained)
            for name, kind, unit, metric, threshold in (
                ("accuracy", *_ACCURATE, ACCURACY_METRIC, target.accuracy_threshold),
                ("business_accuracy", *_ACCURATE, BUSINESS_METRIC, target.business_accuracy),
                ("training_time", Kind.LIMIT, Unit.SECONDS, TRAINING_METRIC, target.training_time),
                ("model_size", Kind.LIMIT, Unit.MEGABYTES, SIZE_METRIC, target.model_size_limit),
            )
        ),
    ]


def of_limit(limit: ResourceLimit) -> Objective:
    """The one objective of a resource limit."""
    return Objective(
        Promise.RESOURCE,
        limit.component,
        Kind.LIMIT,
        limit.metric_name,
        limit.component,
        limit.unit,
        threshold=limit.value,
        window=timedelta(seconds=limit.window_seconds),
        minimum=limit.minimum_samples,
        aggregate=limit.aggregate,
        name=limit.name,
        criticality=limit.criticality,
        business_impact=limit.business_impact,
        recommended_action=limit.recommended_action,
    )


def _of_model(
    target: ModelTarget, kind: Kind, metric_name: str, unit: str, **fields: Any
) -> Objective:
    return Objective(
        Promise.MODEL,
        target.model_name,
        kind,
        metric_name,
        target.component,
        unit,
        model=target.model_name,
        criticality=target.criticality,
        business_impact=target.business_impact,
        recommended_action=target.recommended_action,
        **fields,
    )


def _of_sla(sla: Sla, kind: Kind, threshold: float, **more: Any) -> Objective:
    fields: dict[str, Any] = {
        "metric_name": sla.metric_name,
        "unit": Unit.MILLISECONDS,
        "window": timedelta(seconds=sla.window_seconds),
        "minimum": sla.minimum_samples,
        "query_complexity": sla.query_complexity,
        **more,
    }
    return Objective(
        Promise.SLA,
        sla.code,
        kind,
        threshold=threshold,
        component=sla.component,
        include_synthetic=sla.include_synthetic,
        criticality=sla.criticality,
        business_impact=sla.business_impact,
        recommended_action=sla.recommended_action,
        **fields,
    )


def _sla_latency(sla: Sla) -> Objective:
    target = sla.target_response_time
    return _of_sla(sla, Kind.LATENCY, target, good_within=target, share=sla.latency_share)


def _sla_availability(sla: Sla) -> Objective:
    share = sla.availability
    return _of_sla(sla, Kind.AVAILABILITY, share, good_within=sla.max_response_time, share=share)


def _sla_satisfaction(sla: Sla, target: float) -> Objective:
    return _of_sla(
        sla,
        Kind.SATISFACTION,
        target,
        # Ratings arrive on the request's row or on a feedback row of the same class.
        metric_name="" if sla.query_complexity else sla.metric_name,
        unit=Unit.SCORE,
        window=timedelta(seconds=sla.satisfaction_window_seconds),
        minimum=sla.minimum_votes,
    )


def _sla_learning(sla: Sla, seconds: float) -> Objective:
    return _of_sla(
        sla,
        Kind.LATENCY,
        seconds,
        metric_name=sla.learning_metric_name,
        unit=Unit.SECONDS,
        good_within=seconds,
        share=sla.latency_share,
        window=timedelta(seconds=sla.satisfaction_window_seconds),
        query_complexity="",
        name="learning_integration",
    )
