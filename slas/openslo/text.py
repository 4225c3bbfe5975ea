"""PURE: YAML text ↔ plain documents, within bounds, with the line of every value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from slas.openslo.vocabulary import Problem, Refused

MAX_BYTES = 1024 * 1024
# Events of the text, and values once its aliases are followed.
MAX_VALUES = 100_000
MAX_DEPTH = 20
MAX_ALIASES = 100
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNREADABLE = object()
SHORTEN = "Split it into several files."


@dataclass(frozen=True)
class Node:
    """A value with its place: a mapping of nodes, a list of nodes, or a scalar."""

    value: Any
    line: int
    path: str  # e.g. spec.objectives[0].target

    def get(self, name: str) -> "Node | None":
        """The value under a key of a mapping; None where there is none."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return found if isinstance(found, Node) and found.value is not None else None

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes every value out; OpenSLO's readers need not know aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def dump(documents: list[dict[str, Any]]) -> str:
    """Documents as YAML, in their own order."""
    return yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        explicit_start=True,
    )


def load(text: str) -> list[Node]:
    """The documents of a text; empty ones are left out. Raises Refused."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise Refused([Problem(1, "(file)", f"It is larger than {MAX_BYTES} bytes.", SHORTEN)])
    try:
        _check_bounds(text)
        roots = [root for root in yaml.compose_all(text, Loader=_Loader) if root is not None]
        reading = _Reading()
        documents = [reading.node(root, "") for root in roots]
    except yaml.YAMLError as error:
        raise Refused([_syntax(error)]) from error
    return [document for document in documents if document.value is not None]


def _check_bounds(text: str) -> None:
    """Before anything is built: a few bytes of YAML can stand for gigabytes."""
    depth = aliases = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if count > MAX_VALUES:
            raise Refused([Problem(line, "(file)", f"More than {MAX_VALUES} values.", SHORTEN)])
        if depth > MAX_DEPTH:
            text = f"Nested more than {MAX_DEPTH} deep."
            raise Refused([Problem(line, "(file)", text, "OpenSLO needs less.")])
        if aliases > MAX_ALIASES:
            text = f"More than {MAX_ALIASES} aliases."
            raise Refused([Problem(line, "(file)", text, "Write the values out.")])


class _Reading:
    """Builds nodes, and counts them: an alias is built anew wherever it stands."""

    def __init__(self) -> None:
        self._values = 0
        self._within: list[yaml.Node] = []
        self._scalars = yaml.SafeLoader("")

    def node(self, found: yaml.Node, path: str) -> Node:
        line = found.start_mark.line + 1
        self._values += 1
        if self._values > MAX_VALUES:
            text = f"More than {MAX_VALUES} values once its aliases are followed."
            raise Refused([Problem(line, path or "(file)", text, "Write the values out.")])
        if any(found is one for one in self._within):
            text = "An alias of what it stands in."
            raise Refused([Problem(line, path or "(file)", text, "Write the values out.")])
        self._within.append(found)
        value = self._value(found, path)
        self._within.pop()
        return Node(value, line, path)

    def _value(self, found: yaml.Node, path: str) -> Any:
        if isinstance(found, yaml.MappingNode):
            return dict(self._pairs(found, path))
        if isinstance(found, yaml.SequenceNode):
            return [self.node(one, f"{path}[{at}]") for at, one in enumerate(found.value)]
        try:
            value = self._scalars.construct_object(found)
        except (yaml.YAMLError, ValueError, OverflowError):
            value = _UNREADABLE
        if value is _UNREADABLE or (isinstance(value, str) and not _storable(value)):
            text = f"“{str(found.value)[:40]!a}” can't be read."
            fix = "Put it in quotes if it is text; leave out NUL and halves of characters."
            raise Refused([Problem(found.start_mark.line + 1, path, text, fix)])
        return value

    def _pairs(self, found: yaml.MappingNode, path: str) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key, value in found.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                text = "A key must be a plain word."
                raise Refused([Problem(line, path or "(file)", text, "Write the values out.")])
            name = str(key.value)
            inner = f"{path}.{name}" if path else name
            if name in seen:
                text = "This key stands twice; YAML would silently take the second."
                raise Refused([Problem(line, inner, text, "Keep one of them.")])
            seen.add(name)
            yield name, self.node(value, inner)


def _storable(text: str) -> bool:
    """PostgreSQL holds neither NUL nor a lone surrogate."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    text = getattr(error, "problem", None) or str(error).split("\n")[0]
    line = mark.line + 1 if mark else 1
    return Problem(line, "(file)", f"This is no YAML: {text}.", "Mend it there or just above.")
