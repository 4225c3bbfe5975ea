"""Which alerts a list of matchers is about."""

from typing import Any

import pytest

from alerts import matching

FACTS = {"component": "cognitive_core", "severity": "high", "client": "acme"}


@pytest.mark.parametrize(
    ("name", "op", "value", "holds"),
    [
        ("component", "=", "cognitive_core", True),
        ("component", "=", "cognitive", False),
        ("component", "!=", "cognitive", True),
        ("component", "=~", "cognitive.*", True),
        ("component", "=~", "cognitive", False),
        ("component", "!~", "data.*", True),
        ("severity", ">=", "medium", True),
        ("severity", ">=", "critical", False),
        ("severity", "<=", "high", True),
        ("region", "=", "", True),
        ("region", "!=", "", False),
    ],
)
def test_a_matcher_holds_or_not(name: str, op: str, value: str, holds: bool) -> None:
    assert matching.matches([{"name": name, "op": op, "value": value}], FACTS) == holds


def test_all_matchers_must_hold_and_none_matches_everything() -> None:
    both: list[matching.Matcher] = [
        {"name": "client", "op": "=", "value": "acme"},
        {"name": "severity", "op": "=", "value": "low"},
    ]
    assert not matching.matches(both, FACTS)
    assert matching.matches([], FACTS)
    assert matching.in_words(both) == "client=acme, severity=low"


@pytest.mark.parametrize(
    ("matchers", "problem"),
    [
        ("component=x", "Write a list"),
        ([{"name": "component"}], "Matcher 1 needs exactly"),
        ([{"name": "component", "op": "==", "value": "x"}], "“==” is no operator"),
        ([{"name": "component", "op": ">=", "value": "x"}], "only a severity"),
        ([{"name": "severity", "op": "=", "value": "grave"}], "“grave” is no severity"),
        ([{"name": "component", "op": "=~", "value": "("}], "no regular expression"),
        ([{"name": "", "op": "=", "value": ""}], "1 to 255 characters"),
        ([{"name": "client", "op": "=", "value": "x"}] * 21, "21 matchers are too many"),
    ],
)
def test_what_cannot_be_used_is_refused_by_number(matchers: Any, problem: str) -> None:
    with pytest.raises(matching.Invalid, match=problem):
        matching.checked(matchers)
