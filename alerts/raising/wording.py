"""PURE: a finding's numbers in words."""

import math
from datetime import timedelta

from alerts.models import AlertType, Severity
from metrics.formats import number
from slas.burning import Burn
from slas.compliance import Finding
from slas.judge import share_good
from slas.models import Verdict
from slas.objectives import Kind, Objective, Promise


def alert_type(objective: Objective) -> AlertType:
    """Which of the specification's types a breach of this objective is."""
    if objective.kind == Kind.SATISFACTION:
        return AlertType.USER_SATISFACTION
    if objective.promise == Promise.MODEL:
        return AlertType.MODEL_DEGRADATION
    if objective.promise == Promise.RESOURCE:
        return AlertType.RESOURCE_LIMIT
    return AlertType.SLA_BREACH


def worse(one: str, other: str) -> str:
    """The worse of two severities: while an alert is open its severity only rises."""
    return max(one, other, key=list(Severity.values).index)


def message(finding: Finding, client: str) -> str:
    """What was promised and what was measured."""
    objective, ruling = finding.objective, finding.ruling
    span = in_words(finding.window)
    if objective.kind == Kind.SATISFACTION:
        return (
            f"{_title(objective)} for {client}: the mean rating over {span} is "
            f"{ruling.actual:.2f} of 5 ({ruling.total} ratings); promised is at least "
            f"{objective.threshold:g}."
        )
    if objective.kind == Kind.LIMIT:
        return (
            f"{_title(objective)} for {client}: {objective.metric_name} is "
            f"{number(ruling.actual)} {objective.unit} ({objective.aggregate} over {span}, "
            f"{ruling.total} values); the limit is {number(objective.threshold)} {objective.unit}."
            + _given_up(finding)
        )
    if objective.kind == Kind.AT_LEAST:
        return (
            f"{_title(objective)} for {client}: {objective.metric_name} is "
            f"{number(ruling.actual)} ({objective.aggregate} over {span}, {ruling.total} values); "
            f"promised is at least {number(objective.threshold)}."
        )
    good = ruling.good or 0
    kept = f"{share_good(good, ruling.total):.1f} % ({good} of {ruling.total})"
    within = f"{number(objective.good_within)} {objective.unit}"
    text = (
        f"{_title(objective)} for {client}: over {span} {kept} succeeded within {within}; "
        f"promised are {objective.share:g} %."
    )
    if objective.kind == Kind.LATENCY and ruling.actual is not None:
        text += (
            f" The {objective.share:g}th percentile is {number(ruling.actual)} {objective.unit}."
        )
    failed = finding.figures.total - finding.figures.succeeded
    text += f" {failed} failed or gave no answer." if failed else ""
    return text + (f" {burnt(finding.fired)}" if finding.fired else "")


def burnt(burn: Burn) -> str:
    """Which rule fired, by how much, in one sentence."""
    rule, counts = burn.rule, burn.long
    long, short = burn.rates()
    if long is None or math.isinf(long):
        return f"Rule {rule.name}: not one may be bad."
    seen = f"{number(long)} over {in_words(rule.long)}"
    if rule.short != rule.long:
        seen += f" and {number(short)} over {in_words(rule.short)}"
    held = f" for {in_words(rule.hold)}" if rule.hold else ""
    return (
        f"Rule {rule.name}: the burn rate is {seen}{held}, its threshold {number(rule.burn)} "
        f"({counts.bad} bad of {counts.total})."
    )


def recovery(finding: Finding, opened_by: str) -> str:
    """The figures that show that a promise is kept again."""
    burn = next((one for one in finding.burns if one.rule.name == opened_by), None)
    if finding.status == Verdict.Status.EXCLUDED:
        return "all that was measured is excluded"
    if burn is None or not burn.long.total:
        actual, objective = finding.ruling.actual, finding.objective
        value = f"{number(actual)} {objective.threshold_unit}"
        return f"{value} against {number(objective.threshold)} in the last window"
    good = f"{burn.long.good} of {burn.long.total}"
    rate = number(burn.rates()[0])
    return f"{good} good over {in_words(burn.rule.long)}, a burn rate of {rate}"


def _given_up(finding: Finding) -> str:
    count = finding.figures.given_up
    return f" {count} calls were given up there, unanswered." if count else ""


def _title(objective: Objective) -> str:
    name = (objective.name or objective.kind).replace("_", " ")
    return f"{objective.code.replace('_', ' ').capitalize()}, {name}"


def in_words(span: timedelta) -> str:
    """A span in its largest whole unit: "5 min", "1 d"."""
    seconds = span.total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:.0f} s"
