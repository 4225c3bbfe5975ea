"""Which requests are measured, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import Optional

# Paths with ids in them have no end; past this many the memory of decisions starts afresh.
_REMEMBERED = 2048


@dataclass(frozen=True)
class Rule:
    """The names for paths that match ``path`` (``*`` and ``?`` as in a shell)."""

    path: str = "*"
    metric_name: str = "http_request_duration"
    category: str = "ai_query"
    component: str | None = None


class Paths(dict[str, Optional[Rule]]):
    """Decides by path: the first rule that matches, or None for a path that is left out.

    ``paths[path]``, the path without its query; what was decided is remembered.
    """

    def __init__(
        self, include: Iterable[str] = (), exclude: Iterable[str] = (), rules: Iterable[Rule] = ()
    ) -> None:
        super().__init__()
        self._include = _any_of(include)
        self._exclude = _any_of(exclude)
        self._rules = [(re.compile(translate(rule.path)), rule) for rule in rules]

    def __missing__(self, path: str) -> Rule | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        decided = self[path] = self._decide(path)
        return decided

    def _decide(self, path: str) -> Rule | None:
        if self._include is not None and not self._include.match(path):
            return None
        if self._exclude is not None and self._exclude.match(path):
            return None
        for pattern, rule in self._rules:
            if pattern.match(path):
                return rule
        return _DEFAULT


_DEFAULT = Rule()


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all of them; None for none. A lone string is one pattern, not its letters."""
    listed = [patterns] if isinstance(patterns, str) else list(patterns)
    return re.compile("|".join(map(translate, listed))) if listed else None
