"""PURE: a contract's credit terms and business hours, as people write them and as they are kept.

Credit terms are kept as [{"below": 99.0, "percent": 10.0}, …] and written one a
line, "< 99 % → 10 %". Business hours are kept as [{"day": 0, "from": "08:00",
"until": "18:00"}, …] with 0 for Monday and written "Mon–Fri 08:00–18:00".
"""

import re
from itertools import groupby, pairwise
from typing import Any

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_LINES = 50
_CREDIT = re.compile(r"<?\s*([\d.]+)\s*%?\s*(?:→|->|:)\s*([\d.]+)\s*%?")
_DAY = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_DAYS = re.compile(rf"{_DAY}(?:\s*[-–]\s*{_DAY})?\s+(.+)", re.IGNORECASE | re.ASCII)
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")

Terms = list[dict[str, Any]]


def parse_credits(text: str) -> Terms:
    """Credit terms from lines such as "< 99 % → 10 %".

    Raises ValueError, which names the line, what is wrong and how to write it.
    """
    found = []
    for number, line in _lines(text):
        match = _CREDIT.fullmatch(line)
        if match is None:
            raise ValueError(f"Line {number}, “{line[:40]}”: write it as “< 99 % → 10 %”.")
        try:
            found.append({"below": float(match[1]), "percent": float(match[2])})
        except ValueError:
            raise ValueError(f"Line {number}: “{line[:40]}” holds no number.") from None
    check_credits(found)
    return found


def check_credits(terms: object) -> None:
    """Raise ValueError unless each step asks less and gives more than the one before."""
    steps = _list_of(terms, {"below", "percent"}, "Credit terms")
    for step in steps:
        for name, value in step.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 < value <= 100:
                raise ValueError(f"{name} is {value!r}: use a percentage above 0, up to 100.")
    for before, step in pairwise(steps):
        if step["below"] >= before["below"]:
            text = f"< {step['below']:g} % stands after < {before['below']:g} %"
            raise ValueError(f"{text}: begin with the highest availability and go down.")
        if step["percent"] <= before["percent"]:
            text = (
                f"< {step['below']:g} % gives {step['percent']:g} %, no more than the step before"
            )
            raise ValueError(f"{text}: a worse month must be credited more.")


def credits_text(terms: Terms) -> str:
    """The terms one a line."""
    return "\n".join(f"< {step['below']:g} % → {step['percent']:g} %" for step in terms)


def parse_hours(text: str) -> Terms:
    """Business hours from lines such as "Mon–Fri 08:00–12:00, 13:00–18:00".

    Raises ValueError, which names the line, what is wrong and how to write it.
    """
    found: Terms = []
    for number, line in _lines(text):
        match = _DAYS.fullmatch(line)
        spans = [_SPAN.fullmatch(part.strip()) for part in match[3].split(",")] if match else []
        if match is None or None in spans:
            raise ValueError(
                f"Line {number}, “{line[:40]}”: write it as “Mon–Fri 08:00–18:00”, "
                "several spans with a comma between them."
            )
        for day in _days(match[1], match[2] or match[1]):
            found += [
                {"day": day, "from": span[1].zfill(5), "until": span[2].zfill(5)}
                for span in spans
                if span
            ]
    found.sort(key=_order)
    check_hours(found)
    return found


def check_hours(hours: object) -> None:
    """Raise ValueError unless the spans are ordered, apart from each other and within their day."""
    spans = _list_of(hours, {"day", "from", "until"}, "Business hours")
    for span in spans:
        if span["day"] not in range(7):
            raise ValueError(f"{span['day']!r} is no day: 0 is Monday, 6 Sunday.")
        for name in ("from", "until"):
            if not isinstance(span[name], str) or not _CLOCK.fullmatch(span[name]):
                raise ValueError(
                    f"{span[name]!r} is no time of day: write 08:00; 24:00 ends a day."
                )
        if span["from"] >= span["until"]:
            text = f"{DAYS[span['day']]} {span['from']}–{span['until']} ends before it begins"
            raise ValueError(f"{text}: split it at midnight into two days.")
    for before, span in pairwise(spans):
        if _order(span) < _order(before):
            raise ValueError("Business hours must be in order of day and time.")
        if span["day"] == before["day"] and span["from"] < before["until"]:
            raise ValueError(f"{DAYS[span['day']]}: the spans overlap at {span['from']}.")


def hours_text(hours: Terms) -> str:
    """The hours one line for days in a row that are alike."""
    by_day = {
        day: ", ".join(f"{span['from']}–{span['until']}" for span in spans)
        for day, spans in groupby(hours, key=lambda span: span["day"])
    }
    lines = []
    # Days in a row that are alike have the same distance to their place in the list of such days.
    for text in dict.fromkeys(by_day.values()):
        alike = [day for day, spans in by_day.items() if spans == text]
        for _, run in groupby(enumerate(alike), key=lambda pair: pair[1] - pair[0]):
            days = [day for _, day in run]
            name = DAYS[days[0]] if len(days) == 1 else f"{DAYS[days[0]]}–{DAYS[days[-1]]}"
            lines.append(f"{name} {text}")
    return "\n".join(lines)


def _lines(text: str) -> list[tuple[int, str]]:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    found = [(number, line) for number, line in lines if line]
    if len(found) > MOST_LINES:
        raise ValueError(f"{len(found)} lines are too many: {MOST_LINES} at most.")
    return found


def _days(first: str, last: str) -> list[int]:
    start, end = (DAYS.index(name[:3].capitalize()) for name in (first, last))
    # Sat–Mon goes round the end of the week.
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def _order(span: dict[str, Any]) -> tuple[int, str]:
    return span["day"], span["from"]


def _list_of(terms: object, names: set[str], what: str) -> Terms:
    if isinstance(terms, list) and all(
        isinstance(one, dict) and set(one) == names for one in terms
    ):
        return terms
    raise ValueError(f"{what} are a list of {{{', '.join(sorted(names))}}}.")
