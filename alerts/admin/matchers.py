"""Matchers as people write them: one condition a line, such as component = cognitive_core."""

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from alerts import matching
from alerts.matching import Matcher

_LINE = re.compile(r"\s*([\w.:-]+?)\s*(=~|!~|!=|>=|<=|=)\s*(.*?)\s*")
HELP = (
    "One condition a line, and all must hold: component = cognitive_core, severity >= high, "
    "client != acme, objective =~ sla:.*:latency. Names: "
    f"{', '.join(matching.NAMES)}, and the labels of alerts from other systems."
)


def parsed(text: str) -> list[Matcher]:
    """Read lines, or a JSON list as APIs send it. Raises matching.Invalid."""
    if text.lstrip().startswith("["):
        try:
            return matching.checked(json.loads(text))
        except json.JSONDecodeError as error:
            raise matching.Invalid(f"This is no JSON: {error}.") from None
    found = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise matching.Invalid(f"Line {number}: write a name, an operator and a value.")
        name, op, value = match.groups()
        found.append({"name": name, "op": op, "value": _unquoted(value)})
    return matching.checked(found)


def as_lines(matchers: list[Matcher]) -> str:
    """The text that reads back as these."""
    return "\n".join(f"{one['name']} {one['op']} {one['value']}" for one in matchers)


class MatchersField(forms.CharField):
    """Matchers in a text area; at least one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 4}))
        kwargs.setdefault("help_text", HELP)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """What is stored, as lines."""
        return as_lines(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[Matcher]:
        """The matchers. Raises ValidationError with what is wrong with which line."""
        try:
            return parsed(super().clean(value))
        except matching.Invalid as problem:
            raise ValidationError(str(problem), code="matchers") from None


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value
