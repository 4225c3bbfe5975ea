"""PURE: what a compliance report says in words: the method, verdicts, promises."""

from metrics import formats
from metrics.histogram import MAX_RELATIVE_ERROR
from slas.models import ResourceLimit, SloVersion
from slas.objectives import Kind
from slas.standing import Status

KEPT, BROKEN = "kept", "broken"
INSUFFICIENT, NO_DATA, EXCLUDED = "insufficient_data", "no_data", "excluded"
# At risk is the provider's own warning: to the client a promise is kept or broken.
VERDICTS: dict[str, str] = {
    Status.OK: KEPT,
    Status.AT_RISK: KEPT,
    Status.BREACH: BROKEN,
    Status.INSUFFICIENT_DATA: INSUFFICIENT,
    Status.NO_DATA: NO_DATA,
    Status.EXCLUDED: EXCLUDED,
}
VERDICT_LABELS = {
    KEPT: "Kept",
    BROKEN: "Broken",
    INSUFFICIENT: "Too few measurements",
    NO_DATA: "No data",
    EXCLUDED: "All excluded",
}
ERROR_BOUND = round(100 * MAX_RELATIVE_ERROR, 2)

_METHOD = f"""
Every request, vote and measurement is one event. A request is good for a latency promise if it
succeeded within the target time, for an availability promise if it succeeded within the maximum
time. What is attained is the share of good events among all events. Failed and unanswered
requests are not good.

A satisfaction promise is kept if the mean of all ratings reaches its target. A resource limit is
kept if the mean (or, where the promise says so, the largest value) stays at or under it. A least
accuracy is kept if the mean of all reported ones reaches it.

Events are counted minute by minute from the stored rows, never estimated. An event belongs to the
minute in which it was measured, also if it was reported late; the same event reported twice
counts once.

A minute is judged by the version of the promise that was in force at its start. Where versions
follow each other within the period, each is held against its own events.

With fewer events than the promise asks for there is no verdict. “No data” means that nothing
arrived from where something used to arrive.

The error budget is the number of events that may fail without breaking the promise. What is left
of it is given in percent; below 0 it is overspent.

Excluded minutes count neither for nor against a promise. Each exclusion was requested by one
person and approved by another. The figures without exclusions stand beside the others, so that
the effect of each agreement can be seen. Time outside of agreed business hours is left out in the
same way.

Percentiles are those of successful requests, read from histograms: they are at most
{ERROR_BOUND:g} % off. They explain; verdicts never rest on them.

Credits follow from each whole calendar month's availability in the client's time zone, by the
terms of the contract. A month without a verdict gives no credit.

The period begins and ends at midnight of the client's time zone; its length follows daylight
saving.

The digest is the SHA-256 hash of this report's content as JSON with sorted keys, without spaces,
in UTF-8. Made again from the same data, the report has the same digest.
"""
METHOD = tuple(" ".join(part.split()) for part in _METHOD.strip().split("\n\n"))


def promised(version: SloVersion) -> str:
    """A version's promise in one line."""
    if version.kind == Kind.SATISFACTION:
        return f"mean rating ≥ {version.threshold:g} of 5"
    if version.kind == Kind.LIMIT:
        which = ResourceLimit.Aggregate(version.aggregate).label.lower()
        return f"{which} ≤ {formats.measure(version.threshold, version.unit)}"
    if version.kind == Kind.AT_LEAST:
        return f"mean ≥ {formats.measure(version.threshold, version.unit)}"
    return f"≥ {version.share:g} % within {formats.measure(version.good_within, version.unit)}"


def unit(version: SloVersion) -> str:
    """The unit of what is attained and required."""
    if version.kind in {Kind.LIMIT, Kind.AT_LEAST}:
        return version.unit
    return "score" if version.kind == Kind.SATISFACTION else "percent"


def events(kind: str) -> str:
    """What is counted."""
    names = {Kind.SATISFACTION: "votes", Kind.LIMIT: "values", Kind.AT_LEAST: "values"}
    return names.get(Kind(kind), "requests")
