"""PURE: an alert's business impact, kept as numbers, as people read it; "–" where none is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from metrics import formats

NONE = "–"


@dataclass(frozen=True)
class Budget:
    """What is left of an error budget: ``share`` is from 0 to 1 and may be negative."""

    share: float | None
    left: str
    level: str  # the badge's colour
    gone: str  # "gone in 3 h" at this rate, or ""

    @property
    def width(self) -> float:
        """Of a bar, from 0 to 100."""
        return 0.0 if self.share is None else max(0.0, min(self.share, 1.0)) * 100


@dataclass(frozen=True)
class Figure:
    """One line of the impact."""

    name: str
    value: str


def budget(impact: Mapping[str, Any], now: datetime) -> Budget:
    """The error budget's rest."""
    share = _number(impact.get("budget_left"))
    if share is None:
        return Budget(None, NONE, "none", "")
    left = f"{share * 100:,.0f}{formats.NBSP}%".replace("-", "−")
    level = "ok" if share > 0.5 else "medium" if share > 0.2 else "critical"
    return Budget(share, left, level, _gone(impact, share, now))


def figures(impact: Mapping[str, Any], now: datetime) -> list[Figure]:
    """Who is affected, and what it costs; only what is known."""
    rest = budget(impact, now)
    spent = None if rest.share is not None else _number(impact.get("budget_spent"))
    burn = _number(impact.get("burn"))
    lines = [
        ("Clients affected", _count(impact.get("clients"))),
        ("Users affected", _count(impact.get("users"))),
        ("Budget left", rest.left),
        ("Budget spent", NONE if spent is None else _percent(spent)),
        ("Burn rate", NONE if burn is None else f"{formats.number(burn)}×"),
        ("At this rate the budget is", rest.gone or NONE),
        ("Credit at stake", _credit(impact.get("credit"))),
    ]
    return [Figure(name, value) for name, value in lines if value != NONE]


def _gone(impact: Mapping[str, Any], share: float, now: datetime) -> str:
    if share <= 0:
        return "gone"
    at = impact.get("exhausted_at")
    when = parse_datetime(at) if isinstance(at, str) else None
    if when is None:
        return ""
    return "gone" if when <= now else f"gone in {formats.age(max(when - now, timedelta()))}"


def _percent(share: float) -> str:
    return f"{share * 100:.3g}{formats.NBSP}%"


def _count(value: Any) -> str:
    """A number, or how many there are in a list."""
    if isinstance(value, list | tuple):
        return f"{len(value):,}"
    number = _number(value)
    return NONE if number is None else f"{number:,.0f}"


def _credit(value: Any) -> str:
    """An amount with its currency, a share of the fee, or a text as it is."""
    if isinstance(value, str):
        return value or NONE
    if isinstance(value, Mapping):
        amount, percent = _amount(value.get("amount")), _number(value.get("percent"))
        if amount is not None:
            return f"{amount:,.2f}{formats.NBSP}{value.get('currency', '')}".strip()
        return NONE if percent is None else f"{percent:g}{formats.NBSP}% of the fee"
    number = _number(value)
    return NONE if number is None else formats.number(number)


def _amount(value: Any) -> float | None:
    """Money is kept as text, so that no cent is lost on the way."""
    try:
        return float(value) if isinstance(value, str) else _number(value)
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
