"""Matchers as people write them: one a line, component=cognitive_core or severity>=high."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from alerts import matching
from alerts.matching import Matcher

_LINE = re.compile(r"([\w.:-]+)\s*(=~|!~|!=|>=|<=|=)\s*(.*)", re.ASCII)
HELP = (
    "One a line, all must hold; none: every alert. Names: "
    + ", ".join(matching.NAMES)
    + " and an alert's own labels. Operators: = != =~ !~ (regular expressions over the whole "
    "value), for severities also >= and <=."
)


class MatchersField(forms.CharField):
    """Matchers, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"required": False, "max_length": 8000, "strip": False, "help_text": HELP, **kwargs}
        )

    def prepare_value(self, value: Any) -> Any:
        """The stored list as lines; what was typed stays as it was."""
        return lines(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The lines as a list of matchers."""
        try:
            return parse(super().clean(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """By what it says, not by how it is spaced."""
        try:
            return parse(data or "") != (initial or [])
        except ValueError:
            return True


def lines(matchers: list[Matcher]) -> str:
    """One a line."""
    return "\n".join(f"{one['name']}{one['op']}{one['value']}" for one in matchers)


def parse(text: str) -> list[Matcher]:
    """The matchers of some lines. Raises ValueError, which names the line and how to write it."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"Line {number}, “{line.strip()[:40]}”: write a name, an operator and a value, "
                "e.g. severity>=high."
            )
        name, op, value = match.groups()
        quoted = len(value) >= 2 and value[0] == value[-1] == '"'
        found.append({"name": name, "op": op, "value": value[1:-1] if quoted else value})
    return matching.checked(found)
