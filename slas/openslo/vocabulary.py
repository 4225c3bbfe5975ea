"""PURE: names, durations and annotations of OpenSLO documents, and what is wrong with one."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

API_VERSION = "openslo/v1"
PREFIX = "aiosmon.io/"
# The metricSource type that says: this portal's own rows.
SOURCE = "aiosmon"
# The period that error budgets are counted over.
PERIOD = timedelta(days=30)
MAX_NAME, MAX_DISPLAY, MAX_DESCRIPTION = 63, 63, 1050
# OpenSLO's targets end below 100 %: this stands for a promise of all.
NEARLY_ALL = 99.999

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhdwMQY])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    # As OpenSLO's own tools count a length of calendar units.
    "M": timedelta(days=30),
    "Q": timedelta(days=90),
    "Y": timedelta(days=365),
}


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with a place in the text, and how to mend it."""

    line: int
    field: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.problem} {self.fix}".rstrip()


class Refused(Exception):
    """A text that can't be imported."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Namer:
    """Makes RFC 1123 names, each for one thing: ``name("SLA", "simple_queries")``."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, ...]] = {}

    def name(self, *words: str) -> str:
        """The words in lower case, joined by dashes; with a digest where that would be unclear."""
        plain = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
        if is_name(plain) and self._taken.setdefault(plain, words) == words:
            return plain
        digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:10]
        name = f"{plain[: MAX_NAME - 11].strip('-') or 'x'}-{digest}"
        self._taken[name] = words
        return name


def is_name(text: str) -> bool:
    """Whether RFC 1123 takes it as a label."""
    return _NAME.fullmatch(text) is not None


def annotation(field: str) -> str:
    """A field's annotation: minimum_samples → aiosmon.io/minimum-samples."""
    return PREFIX + field.replace("_", "-")


def as_text(value: Any) -> str:
    """A field's value as an annotation holds it."""
    if isinstance(value, str | date | Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def shorthand(span: timedelta) -> str:
    """A duration of whole minutes as 5m, 1h or 30d; what is left of a minute counts as one."""
    minutes = max(1, -(-span // timedelta(minutes=1)))
    for unit in ("d", "h"):
        count, rest = divmod(timedelta(minutes=minutes), _UNITS[unit])
        if not rest:
            return f"{count}{unit}"
    return f"{minutes}m"


def duration(text: str) -> timedelta:
    """What ``shorthand`` or another OpenSLO tool wrote; ValueError for what is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]
