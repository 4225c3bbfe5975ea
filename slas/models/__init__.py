"""Promises, their objectives over time, and the verdicts on them."""

from slas.models.contracts import Contract
from slas.models.exclusions import Exclusion
from slas.models.promises import Evaluated, ModelTarget, ResourceLimit, Sla, check_unit
from slas.models.slos import SliDay, SliHour, SliMinute, Slo, SloVersion
from slas.models.verdict import Verdict

__all__ = [
    "Contract",
    "Evaluated",
    "Exclusion",
    "ModelTarget",
    "ResourceLimit",
    "Sla",
    "SliDay",
    "SliHour",
    "SliMinute",
    "Slo",
    "SloVersion",
    "Verdict",
    "check_unit",
]
