"""PURE: alert policies. The portal's rules follow from the objective; others are named."""

from collections.abc import Iterator
from datetime import timedelta

from slas import budget
from slas.openslo.documents import Documents, items, name_of
from slas.openslo.export import SCOPE, TARGET
from slas.openslo.parts import Part
from slas.openslo.text import Node
from slas.openslo.vocabulary import PERIOD, duration

FOLLOW = "Alert rules follow from the objective; this one is not kept."


def look(documents: Documents, part: Part) -> None:
    """Name what the policies of an SLO ask for and its objective does not give."""
    spec = part.slo.get("spec")
    for item in items(documents, spec, "alertPolicies") if spec else ():
        for document, condition in _conditions(documents, item):
            said = documents.annotations(document)
            # Rules that people set are promises of their own; the fast one follows from the window.
            if not said.keys() & {SCOPE, "rule"}:
                _compare(documents, condition, part.percent / 100)


def rest(documents: Documents) -> None:
    """Name the documents that nothing here uses."""
    used = set()
    for slo in documents.found["SLO"].values():
        spec = slo.get("spec")
        used |= {one.value for one in [spec.get("indicatorRef") if spec else None] if one}
    for name, sli in documents.found["SLI"].items():
        if name not in used:
            documents.unfit(sli, "", f"No SLO uses the SLI “{name}”.")
    for source in documents.found["DataSource"].values():
        documents.unfit(source, "", "Figures come from the portal's own rows; it is not kept.")
    for target in documents.found["AlertNotificationTarget"].values():
        if name_of(target) != TARGET:
            documents.unfit(target, "", "Who is told is set in the portal; it is not kept.")


def _conditions(documents: Documents, item: Node) -> Iterator[tuple[Node, Node]]:
    """The conditions of a policy and their specs, itself and they inline or by name."""
    reference = item if isinstance(item.value, str) else item.get("alertPolicyRef")
    policy = documents.found["AlertPolicy"].get(str(reference.value)) if reference else item
    spec = policy.get("spec") if policy else None
    for one in items(documents, spec, "conditions") if spec else ():
        named = one.get("conditionRef")
        condition = documents.found["AlertCondition"].get(str(named.value)) if named else one
        if condition is not None and (inner := condition.get("spec")):
            yield condition, inner


def _compare(documents: Documents, spec: Node, objective: float) -> None:
    condition = spec.get("condition")
    if condition is None:
        documents.wrong(spec, "condition", "It is missing.", "Write kind: burnrate and so on.")
        return
    threshold = documents.number(condition, "threshold")
    lookback = documents.text(condition, "lookbackWindow", required=True)
    try:
        window = duration(lookback) if lookback else timedelta(0)
    except ValueError:
        documents.wrong(condition, "lookbackWindow", f"“{lookback}” is none.", "Write it as 1h.")
        return
    if threshold is None or not 0 < objective < 1:
        return
    rules = budget.rules(objective, PERIOD)
    if not any(rule.long == window and rule.burn == threshold for rule in rules):
        documents.unfit(condition, "", FOLLOW, _why(objective, window, threshold))


def _why(objective: float, window: timedelta, threshold: float) -> str:
    try:
        budget.check_rule(budget.Rule(window, window, threshold, pages=False), objective)
    except budget.Infeasible as impossible:
        return str(impossible)
    return ""
