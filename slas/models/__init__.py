"""Promises, their objectives over time, and the verdicts on them."""

from slas.models.contracts import Contract
from slas.models.exclusions import Exclusion
from slas.models.promises import Criticality, Evaluated, ModelTarget, ResourceLimit, Sla, check_unit
from slas.models.rules import BurnRule, HeldRule
from slas.models.slos import SliHour, SliMinute, Slo, SloVersion
from slas.models.verdict import Verdict

__all__ = [
    "BurnRule",
    "Contract",
    "Criticality",
    "Evaluated",
    "Exclusion",
    "HeldRule",
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
