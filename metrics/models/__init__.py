"""Facts: what was measured, by whom it came in, and what the portal measures itself."""

from metrics.models.facts import (
    Category,
    ChangedMinute,
    Complexity,
    Component,
    MetricDefinition,
    MinuteRollup,
    PendingMinute,
    PerformanceBaseline,
    PerformanceMetric,
)
from metrics.models.feedback import Deployment, Feedback
from metrics.models.intake import Emitter, IdempotencyKey, IntakeMinute, IntakeRejection
from metrics.models.longer import DayRollup, HourRollup, MetricHour, PendingHour
from metrics.models.otlp import ComponentRule, OtlpAlias
from metrics.models.otlp_metrics import HistogramPoint, OtlpSeries
from metrics.models.probes import Probe

__all__ = [
    "Category",
    "ChangedMinute",
    "Complexity",
    "Component",
    "ComponentRule",
    "DayRollup",
    "Deployment",
    "Emitter",
    "Feedback",
    "HistogramPoint",
    "HourRollup",
    "IdempotencyKey",
    "IntakeMinute",
    "IntakeRejection",
    "MetricDefinition",
    "MetricHour",
    "MinuteRollup",
    "OtlpAlias",
    "OtlpSeries",
    "PendingHour",
    "PendingMinute",
    "PerformanceBaseline",
    "PerformanceMetric",
    "Probe",
]
