"""PURE: an SLO document's objectives, each with what is measured and what is asked of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from metrics.units import Unit
from slas.openslo.documents import Documents, items, known, known_objective
from slas.openslo.text import Node
from slas.openslo.vocabulary import NEARLY_ALL, PERIOD, PREFIX, SOURCE, duration

# What says which of our rows are meant: in a metricSource of type aiosmon, or as annotations.
WHICH = ("metric_name", "component", "unit", "query_complexity", "model", "within", "aggregate")
METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")
SAY_METRIC = f"Add the annotation {PREFIX}metric-name, and {PREFIX}component."


@dataclass
class Part:
    """One objective of one SLO."""

    slo: Node
    objective: Node
    service: str
    role: str  # as its annotation says; empty: to be found out
    by_events: bool  # a share of events; else a figure of each window
    percent: float
    which: dict[str, Node | str] = field(default_factory=dict)
    within: float | None = None
    op: str = ""
    value: float | None = None

    def text(self, name: str) -> str:
        """One of WHICH as text; empty where it is not said."""
        found = self.which.get(name, "")
        return str(found.value) if isinstance(found, Node) else found

    def place(self, name: str) -> Node:
        """Where one of WHICH is said, or else the SLO."""
        found = self.which.get(name)
        return found if isinstance(found, Node) else self.slo


def parts(documents: Documents, units: Mapping[str, str]) -> Iterator[Part]:
    """Every objective that is about our metrics; ``units`` are those of the known ones."""
    for slo in documents.found["SLO"].values():
        spec = slo.get("spec")
        if spec is None:
            continue
        service = documents.text(spec, "service", required=True)
        if not _fits(documents, spec):
            continue
        indicator = _indicator(documents, spec)
        if indicator is None:
            continue
        yield from _of_slo(documents, slo, spec, service, indicator, units)


def _fits(documents: Documents, spec: Node) -> bool:
    method = documents.text(spec, "budgetingMethod", required=True)
    if method and method not in METHODS:
        fix = f"Use {', '.join(METHODS)}."
        documents.wrong(spec.value["budgetingMethod"], "", f"“{method}” is no method.", fix)
    found = list(items(documents, spec, "objectives"))
    if not found:
        documents.wrong(spec, "objectives", "There is none.", "Write one with a target.")
    if not all([known_objective(documents, objective) for objective in found]):  # noqa: C419
        return False
    for window in items(documents, spec, "timeWindow"):
        _window(documents, window)
    if composite := [one for one in found if one.get("indicator") or one.get("indicatorRef")]:
        documents.unfit(composite[0], "", "Composite SLOs are left out.", "Split it into SLOs.")
    return bool(found) and not composite


def _window(documents: Documents, window: Node) -> None:
    text = documents.text(window, "duration", required=True)
    try:
        length = duration(text) if text else PERIOD
    except ValueError:
        documents.wrong(window, "duration", f"“{text}” is no duration.", "Write it as 30d.")
        return
    rolling = window.get("isRolling")
    if length != PERIOD or rolling is None or rolling.value is not True:
        fix = "Reports may be asked for over any period."
        documents.unfit(window, "", "Budgets are counted over 30 rolling days.", fix)


def _indicator(documents: Documents, spec: Node) -> Node | None:
    """The SLI, inline or by its name."""
    inline, reference = spec.get("indicator"), spec.get("indicatorRef")
    if (inline is None) == (reference is None):
        fix = "Give exactly one of indicator and indicatorRef."
        documents.wrong(spec, "indicatorRef", "What is measured must be said once.", fix)
        return None
    if reference is None:
        return inline
    name = documents.text(spec, "indicatorRef")
    found = documents.found["SLI"].get(name)
    if found is None and name:
        text = f"There is no SLI “{name}” in this text."
        documents.wrong(reference, "", text, "Add it, or write it inline as indicator.")
    return found


def _of_slo(
    documents: Documents,
    slo: Node,
    spec: Node,
    service: str,
    indicator: Node,
    units: Mapping[str, str],
) -> Iterator[Part]:
    measured = indicator.get("spec") or indicator
    ratio, threshold = measured.get("ratioMetric"), measured.get("thresholdMetric")
    if (ratio is None) == (threshold is None):
        fix = "Give exactly one of ratioMetric and thresholdMetric."
        documents.wrong(measured, "ratioMetric", "What is measured must be said once.", fix)
        return
    counted = _counted(documents, ratio) if ratio else threshold
    if counted is None:
        return
    said = {**documents.annotations(indicator), **documents.annotations(slo)}
    which = _which(documents, slo, indicator, counted, said, units)
    if which is None:
        return
    role = said["objective"].value if "objective" in said else ""
    method = documents.text(spec, "budgetingMethod")
    if ratio and method in METHODS[1:]:
        text = "Good slices of time are not counted, only good events."
        documents.unfit(spec.value["budgetingMethod"], "", text, "Use Occurrences.")
        return
    for objective in items(documents, spec, "objectives"):
        part = Part(slo, objective, service, str(role), method == METHODS[0], 0.0, which)
        part.percent = _percent(documents, slo, objective)
        if _asked(documents, part, ratio):
            yield part


def _counted(documents: Documents, ratio: Node) -> Node | None:
    good, total = ratio.get("good"), ratio.get("total")
    if total is None and ratio.get("raw") is None:
        documents.wrong(ratio, "total", "It is missing.", "Say what all events are.")
        return None
    if good and total:
        events, fine = _ours(documents, total), _ours(documents, good)
        if events and {**fine, "within": None} != {**events, "within": None}:
            fix = "Only success and within may stand in good alone."
            documents.wrong(total, "", "Good and total are about different rows.", fix)
    if good is None:
        text = "Bad or raw counts have no place here."
        documents.unfit(ratio, "", text, "Write it as good and total.")
    return good


def _which(
    documents: Documents,
    slo: Node,
    indicator: Node,
    counted: Node,
    said: dict[str, Node],
    units: Mapping[str, str],
) -> dict[str, Node | str] | None:
    """Which of our rows are meant; None where nothing says it."""
    spec = _source(documents, counted)
    if spec is None:
        return None
    found: dict[str, Node | str] = {}
    if _ours(documents, counted):
        known(documents, spec, {*WHICH, "success"})
        found |= {name: spec.value[name] for name in WHICH if spec.get(name)}
    found |= {name: said[name] for name in WHICH if name in said}
    if not found:
        text = "It does not say which metric of this portal it is about."
        documents.unfit(indicator if indicator.path == "" else slo, "", text, SAY_METRIC)
        return None
    if "component" not in found:
        documents.wrong(slo, "metadata.annotations", "No component is named.", SAY_METRIC)
        return None
    metric = found.get("metric_name", "")
    if "unit" not in found and isinstance(metric, Node):
        found["unit"] = units.get(str(metric.value), Unit.MILLISECONDS.value)
    return found


def _source(documents: Documents, metric: Node) -> Node | None:
    source = metric.get("metricSource")
    spec = source.get("spec") if source else None
    if spec is None or not isinstance(spec.value, dict):
        documents.wrong(metric, "metricSource.spec", "It is missing.", "Say where the figures are.")
        return None
    return spec


def _ours(documents: Documents, metric: Node) -> dict[str, Any]:
    """What a source of this portal's rows says; empty for another's."""
    source = metric.get("metricSource")
    spec = source.get("spec") if source else None
    if source is None or spec is None or documents.text(source, "type") != SOURCE:
        return {}
    return {name: spec.value[name].plain() for name in WHICH if spec.get(name)}


def _percent(documents: Documents, slo: Node, objective: Node) -> float:
    """The share of good events that is asked for, in percent."""
    asked = {name: documents.number(objective, name) for name in ("target", "targetPercent")}
    shares = {name: share for name, share in asked.items() if share is not None}
    if len(shares) != 1:
        fix = "Give exactly one of target and targetPercent."
        documents.wrong(objective, "target", "The share must be said once.", fix)
        return 0.0
    ((name, share),) = shares.items()
    most = 1 if name == "target" else 100
    if not 0 <= share < most:
        fix = f"Use a share from 0 to below {most}."
        documents.wrong(objective.value[name], "", f"{share:g} can't be promised.", fix)
    exact = documents.annotations(slo).get("target_percent")
    if exact is not None and shares.get("targetPercent") == NEARLY_ALL:
        return _exact(documents, exact)
    # 0.998 · 100 is a little less than 99.8.
    return round(share * 100, 10) if name == "target" else share


def _exact(documents: Documents, node: Node) -> float:
    try:
        share = float(node.value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        documents.wrong(node, "", "This is no percentage.", "Use a number from 0 to 100.")
    return share


def _asked(documents: Documents, part: Part, ratio: Node | None) -> bool:
    """Take over what is asked of the part; False where that makes no promise."""
    objective = part.objective
    part.op, part.value = documents.text(objective, "op"), documents.number(objective, "value")
    if ratio is not None:
        part.within = _number(documents, part, "within")
        if part.within is None:
            fix = f"Add the annotation {PREFIX}within: the value up to which an event is good."
            documents.wrong(part.slo, "", "It does not say which events are good.", fix)
        return part.within is not None
    if part.value is None:
        documents.wrong(objective, "value", "It is missing.", "A thresholdMetric needs a value.")
        return False
    if part.op not in {"lte", "lt", "gte", "gt"}:
        documents.wrong(objective, "op", "It must be lte, lt, gte or gt.", "Use lte.")
        return False
    if part.op in {"lt", "gt"}:
        documents.unfit(objective, "op", f"{part.op} is read as {part.op}e.")
    if part.by_events and part.op.startswith("lt"):
        part.within = part.value
    return True


def _number(documents: Documents, part: Part, name: str) -> float | None:
    if name not in part.which:
        return None
    text: Any = part.text(name)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        documents.wrong(part.place(name), "", f"“{text}” is no number.", "Write it plainly.")
        return 0.0
    return value
