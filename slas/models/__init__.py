"""Promises, their objectives over time, and the verdicts on them."""

from slas.models.contracts import Contract
from slas.models.exclusions import Exclusion
from slas.models.promises import Criticality, Evaluated, ModelTarget, ResourceLimit, Sla, check_unit
from slas.models.slos import SliHour, SliMinute, Slo, SloVersion
from slas.models.verdict import Verdict

__all__ = [
    "Contract",
    "Criticality",
    "Evaluated",
    "Exclusion",
    "ModelTarget",
    "ResourceLimit",
    "Sla",
    "SliHour",
    "SliMinute",
    "Slo",
    "SloVersion",
    "Verdict",
    "check_unit",
]
