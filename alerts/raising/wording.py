"""PURE: a finding's numbers in words: message, impact, recommended action, severity."""

import math
from dataclasses import dataclass
from datetime import timedelta

from alerts.models import AlertType, Severity
from metrics.formats import number
from slas.burning import Burn
from slas.compliance import Finding
from slas.judge import bad_ratio, share_good
from slas.models import Verdict
from slas.objectives import Kind, Objective, Promise

IMPACT_LENGTH = 255
# burn rate → severity, for objectives that count events
BURN_SEVERITIES = ((10.0, Severity.CRITICAL), (5.0, Severity.HIGH), (2.0, Severity.MEDIUM))
# One or two bad events say little, however small the traffic makes the rest look.
FEW = 3
# actual / limit → severity, for limits
EXCESS_SEVERITIES = ((2.0, Severity.CRITICAL), (1.5, Severity.HIGH), (1.2, Severity.MEDIUM))
# part of the least value that is missing → severity
SHORTFALL_SEVERITIES = ((0.5, Severity.CRITICAL), (0.25, Severity.HIGH), (0.1, Severity.MEDIUM))
# Nobody is woken by a ticket.
TICKET_AT_MOST, PAGED = Severity.MEDIUM, (Severity.HIGH, Severity.CRITICAL)
# stars under the target → severity
STAR_SEVERITIES = ((1.5, Severity.CRITICAL), (1.0, Severity.HIGH), (0.5, Severity.MEDIUM))


@dataclass(frozen=True)
class Graded:
    """A severity and the figure it follows from."""

    severity: Severity
    reason: str


def alert_type(objective: Objective) -> AlertType:
    """Which of the specification's types a breach of this objective is."""
    if objective.kind == Kind.SATISFACTION:
        return AlertType.USER_SATISFACTION
    if objective.promise == Promise.MODEL:
        return AlertType.MODEL_DEGRADATION
    if objective.promise == Promise.RESOURCE:
        return AlertType.RESOURCE_LIMIT
    return AlertType.SLA_BREACH


def severity(finding: Finding) -> Graded:
    """How bad the breach is, by how far the promise is missed."""
    objective, actual = finding.objective, finding.ruling.actual or 0.0
    if objective.kind == Kind.SATISFACTION:
        short = objective.threshold - actual
        return _grade(short, STAR_SEVERITIES, f"{short:.2f} stars under the target")
    if objective.kind == Kind.LIMIT:
        excess = actual / objective.threshold if objective.threshold else float("inf")
        return _grade(excess, EXCESS_SEVERITIES, f"{excess:.2f} times the limit")
    if objective.kind == Kind.AT_LEAST:
        short = 1 - actual / objective.threshold if objective.threshold else 0.0
        return _grade(short, SHORTFALL_SEVERITIES, f"{100 * short:.0f} % under the least value")
    good = finding.ruling.good or 0
    burn = bad_ratio(objective, finding.ruling.total, good)
    graded = _grade(burn, BURN_SEVERITIES, f"bad events at {burn:.1f} times the allowed share")
    if finding.ruling.total - good < FEW and worse(graded.severity, Severity.MEDIUM) != "medium":
        return Graded(Severity.MEDIUM, f"{graded.reason}, but fewer than {FEW} of them")
    if finding.fired and not finding.fired.rule.pages and graded.severity in PAGED:
        return Graded(TICKET_AT_MOST, f"{graded.reason}, by a rule that makes a ticket")
    return graded


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


def impact(finding: Finding, client: str) -> str:
    """Who is affected and how, in at most 255 characters."""
    objective, ruling = finding.objective, finding.ruling
    if objective.kind == Kind.SATISFACTION:
        text = f"{ruling.total} ratings of {client} average {ruling.actual:.2f} of 5."
    elif objective.kind == Kind.LIMIT:
        text = f"{objective.component} runs over its limit {objective.name} for {client}."
    elif objective.kind == Kind.AT_LEAST:
        text = f"{objective.model} is less accurate than promised ({objective.name}) for {client}."
    else:
        bad = ruling.total - (ruling.good or 0)
        text = f"{bad} of {ruling.total} requests of {client} missed the promise"
        users = finding.figures.users
        text += f" ({users} signed-in users)." if users else "."
    text = f"{text} {objective.business_impact}".strip()
    return text if len(text) <= IMPACT_LENGTH else text[: IMPACT_LENGTH - 1] + "…"


def advice(finding: Finding) -> str:
    """What to do first: the promise's own advice, else what fits the kind of breach."""
    objective = finding.objective
    if objective.recommended_action:
        return objective.recommended_action
    component = objective.component
    failed = finding.figures.total - finding.figures.succeeded
    if objective.kind == Kind.SATISFACTION:
        what = f"answers of {objective.model}" if objective.model else "the lowest-rated answers"
        return f"Read {what} in the evidence; check what changed in model, prompt or data."
    if objective.kind == Kind.LIMIT:
        return (
            f"Find what drives {objective.metric_name} of {component} up; shed or queue load, "
            "add capacity, or correct the limit if the new level is right."
        )
    if objective.kind == Kind.AT_LEAST:
        return (
            f"Compare what {objective.model} was trained on with what it sees now; retrain it, or "
            "go back to the version before."
        )
    if objective.promise == Promise.MODEL:
        return (
            f"Compare {objective.model}'s inference time with its baseline; look for a new "
            "version, larger inputs or load on the database; route to a smaller model meanwhile."
        )
    if failed * 2 > finding.figures.total - (finding.ruling.good or 0):
        return (
            f"Most bad requests failed rather than being slow: look at the errors of {component} "
            "in the evidence, its last deployment and the services it calls; roll back if needed."
        )
    return (
        f"Requests are slow rather than failing: compare {component}'s load, queue and model "
        "times with their baselines; look at the slowest requests in the evidence."
    )


def _given_up(finding: Finding) -> str:
    count = finding.figures.given_up
    return f" {count} calls were given up there, unanswered." if count else ""


def _grade(value: float, steps: tuple[tuple[float, Severity], ...], reason: str) -> Graded:
    for least, level in steps:
        if value >= least:
            return Graded(level, reason)
    return Graded(Severity.LOW, reason)


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
