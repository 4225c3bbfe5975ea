"""PURE: what OpenSLO v1 asks of documents: kinds, names, known fields, references."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from slas.openslo.text import Node
from slas.openslo.vocabulary import API_VERSION, PREFIX, Problem, Refused, is_name

KINDS = (
    "Service",
    "SLO",
    "SLI",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
    "DataSource",
)
# The fields of each kind's spec; a misspelt one would else be silently left out.
SPEC = {
    "Service": {"description"},
    "SLO": {
        "description",
        "service",
        "indicator",
        "indicatorRef",
        "timeWindow",
        "budgetingMethod",
        "objectives",
        "alertPolicies",
    },
    "SLI": {"description", "thresholdMetric", "ratioMetric"},
    "AlertPolicy": {
        "description",
        "alertWhenNoData",
        "alertWhenResolved",
        "alertWhenBreaching",
        "conditions",
        "notificationTargets",
    },
    "AlertCondition": {"description", "severity", "condition"},
}
OBJECTIVE = {
    "displayName",
    "op",
    "value",
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "indicator",
    "indicatorRef",
    "compositeWeight",
}
TOP = {"apiVersion", "kind", "metadata", "spec"}
METADATA = {"name", "displayName", "labels", "annotations"}


@dataclass
class Documents:
    """Checked documents by kind and name, what is wrong, and what has no place here."""

    found: dict[str, dict[str, Node]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    problems: list[Problem] = field(default_factory=list)
    unmapped: list[Problem] = field(default_factory=list)

    def wrong(self, node: Node, name: str, problem: str, fix: str) -> None:
        """Note what makes the whole text unfit; ``name`` is a field below the node."""
        self.problems.append(Problem(node.line, below(node, name), problem, fix))

    def unfit(self, node: Node, name: str, problem: str, fix: str = "") -> None:
        """Note what is left out."""
        self.unmapped.append(Problem(node.line, below(node, name), problem, fix))

    def text(self, node: Node, name: str, *, required: bool = False) -> str:
        """A field that must be text; empty where it is missing."""
        found = node.get(name)
        if found is None:
            if required:
                self.wrong(node, name, "It is missing.", f"Write {name}: …")
            return ""
        if not isinstance(found.value, str):
            self.wrong(found, "", "This is no text.", "Put it in quotes.")
            return ""
        return found.value

    def number(self, node: Node, name: str) -> float | None:
        """A field that must be a finite number; None where it is missing or wrong."""
        found = node.get(name)
        if found is None:
            return None
        try:
            # YAML 1.1 reads 1e3 as text.
            value = float(found.value) if not isinstance(found.value, bool) else float("nan")
        except (TypeError, ValueError, OverflowError):
            value = float("nan")
        if not abs(value) < float("inf"):
            self.wrong(found, "", "This is no number.", "Write it plainly, e.g. 99.5.")
            return None
        return value

    def annotations(self, document: Node) -> dict[str, Node]:
        """The annotations under our prefix, by field name: aiosmon.io/minimum-samples."""
        metadata = document.get("metadata")
        given = metadata.get("annotations") if metadata else None
        if given is None or not isinstance(given.value, dict):
            return {}
        return {
            key.removeprefix(PREFIX).replace("-", "_"): node
            for key, node in given.value.items()
            if key.startswith(PREFIX)
        }


def below(node: Node, name: str) -> str:
    """The path of a field below a node."""
    return f"{node.path}.{name}".strip(".") or "(document)"


def name_of(document: Node) -> str:
    """A checked document's name."""
    metadata = document.get("metadata")
    name = metadata.get("name") if metadata else None
    return str(name.value) if name else ""


def checked(roots: list[Node]) -> Documents:
    """The documents by kind and name. Raises Refused for a text that is not OpenSLO at all."""
    documents = Documents()
    if not roots:
        raise Refused([Problem(1, "(file)", "There is no document in it.", "Export one to see.")])
    for root in roots:
        _take(documents, root)
    for document in documents.found["AlertPolicy"].values():
        _references(documents, document, "conditions", "conditionRef", "AlertCondition")
    for document in documents.found["SLO"].values():
        _references(documents, document, "alertPolicies", "alertPolicyRef", "AlertPolicy")
    return documents


def _take(documents: Documents, root: Node) -> None:
    if not isinstance(root.value, dict):
        fix = "A document starts with apiVersion: openslo/v1 and kind: SLO."
        documents.wrong(root, "", "This is no mapping of fields.", fix)
        return
    if documents.text(root, "apiVersion", required=True) not in {"", API_VERSION}:
        documents.wrong(root.value["apiVersion"], "", "Another version.", f"Use {API_VERSION}.")
        return
    kind = documents.text(root, "kind", required=True)
    if kind and kind not in KINDS:
        documents.wrong(root.value["kind"], "", f"“{kind}” is no kind.", f"Use {', '.join(KINDS)}.")
    known(documents, root, TOP)
    name = _metadata(documents, root)
    if spec := _mapping(documents, root, "spec", required=kind != "Service"):
        known(documents, spec, SPEC.get(kind))
        documents.text(spec, "description")
    if not name or kind not in KINDS:
        return
    if first := documents.found[kind].get(name):
        text = f"There is another {kind} of this name, in line {first.line}."
        documents.wrong(root, "metadata.name", text, "Rename one.")
        return
    documents.found[kind][name] = root


def _metadata(documents: Documents, root: Node) -> str:
    metadata = _mapping(documents, root, "metadata", required=True)
    if metadata is None:
        return ""
    known(documents, metadata, METADATA)
    name = documents.text(metadata, "name", required=True)
    if name and not is_name(name):
        fix = "Use at most 63 of a–z, 0–9 and dashes (RFC 1123)."
        documents.wrong(metadata.value["name"], "", f"“{name[:80]}” is no name.", fix)
    if labels := metadata.get("labels"):
        documents.unfit(labels, "", "Labels are not kept.")
    annotations = _mapping(documents, metadata, "annotations")
    for key, value in annotations.value.items() if annotations else ():
        if not isinstance(value.value, str):
            documents.wrong(value, "", "An annotation must be text.", "Put it in quotes.")
        elif not key.startswith(PREFIX):
            documents.unfit(value, "", "Annotations of others are not kept.")
    return name


def _mapping(documents: Documents, node: Node, name: str, *, required: bool = False) -> Node | None:
    found = node.get(name)
    if found is None:
        if required:
            documents.wrong(node, name, "It is missing.", f"Write {name}: with its fields below.")
        return None
    if not isinstance(found.value, dict):
        documents.wrong(found, "", "This is no mapping of fields.", "Write its fields below it.")
        return None
    return found


def known(documents: Documents, node: Node, fields: set[str] | None) -> None:
    """Refuse fields that do not exist."""
    if fields is None:
        return
    for name in sorted(set(node.value) - fields):
        fix = f"Known here: {', '.join(sorted(fields))}."
        documents.wrong(node.value[name], "", "This field is unknown.", fix)


def items(documents: Documents, node: Node, name: str) -> Iterator[Node]:
    """The members of a list field; none where it is missing or wrong."""
    found = node.get(name)
    if found is None:
        return
    if not isinstance(found.value, list):
        documents.wrong(found, "", "This is no list.", "Begin each member with a dash.")
        return
    yield from found.value


def known_objective(documents: Documents, objective: Node) -> bool:
    """Whether a member of spec.objectives is a mapping of known fields."""
    if not isinstance(objective.value, dict):
        documents.wrong(objective, "", "This is no mapping of fields.", "Write target: 0.99.")
        return False
    known(documents, objective, OBJECTIVE)
    return True


def _references(documents: Documents, document: Node, name: str, key: str, kind: str) -> None:
    spec = document.get("spec")
    for item in items(documents, spec, name) if spec else ():
        # The specification has plain names, its tools a field of their own.
        reference = item if isinstance(item.value, str) else item.get(key)
        if reference is not None and reference.value not in documents.found[kind]:
            text = f"There is no {kind} “{reference.value}” in this text."
            documents.wrong(reference, "", text, f"Add it, or take the {key} out.")
