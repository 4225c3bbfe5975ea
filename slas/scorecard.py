"""PURE: the specification's criteria over all of a client's promises."""

from collections.abc import Iterable
from typing import Any

from slas import report_words
from slas.objectives import Kind, Promise
from slas.report_words import BROKEN, KEPT
from slas.standing import Standing
from slas.windows import Sums

# Strictly more than these: percent, percent, stars.
IN_TARGET, AVAILABLE, SATISFIED = 95, 99, 4

Line = dict[str, Any]


def of(found: Iterable[Standing]) -> list[Line]:
    """One line a criterion: what it asks, what was attained, whether that is met.

    ``met`` is None where nothing was measured. The events of several promises are added up.
    """
    standings = list(found)
    return [
        _share("AI queries within their target time", IN_TARGET, _of_slas(standings, Kind.LATENCY)),
        _share("Availability", AVAILABLE, _of_slas(standings, Kind.AVAILABILITY)),
        _mean(_of_slas(standings, Kind.SATISFACTION)),
        _limits([one for one in standings if one.version.kind == Kind.LIMIT]),
    ]


def _of_slas(standings: list[Standing], kind: Kind) -> list[Standing]:
    """An SLA's main objective of the kind; learning integration is no query."""
    return [
        one
        for one in standings
        if one.slo.base.startswith(f"{Promise.SLA}:") and one.slo.base.endswith(f":{kind}")
    ]


def _share(name: str, least: int, found: list[Standing]) -> Line:
    def attained(parts: list[Sums]) -> tuple[float | None, bool | None]:
        good, total = sum(one.good for one in parts), sum(one.total for one in parts)
        if not total:
            return None, None
        return 100.0 * good / total, 100 * good > least * total

    return _line(name, f"> {least} %", "percent", found, attained)


def _mean(found: list[Standing]) -> Line:
    def attained(parts: list[Sums]) -> tuple[float | None, bool | None]:
        total = sum(one.total for one in parts)
        if not total:
            return None, None
        mean = sum(one.value_sum for one in parts) / total
        return mean, round(mean, 9) > SATISFIED

    return _line("User satisfaction", f"> {SATISFIED}.0 of 5", "score", found, attained)


def _limits(found: list[Standing]) -> Line:
    def kept(statuses: list[str]) -> tuple[int, int]:
        verdicts = [report_words.VERDICTS[status] for status in statuses]
        return verdicts.count(KEPT), verdicts.count(KEPT) + verdicts.count(BROKEN)

    within, judged = kept([one.status for one in found])
    gross, gross_judged = kept([one.gross_status for one in found])
    return {
        "criterion": "Resource usage within its limits",
        "asked": "all",
        "unit": "count",
        "events": judged,
        "attained": within if judged else None,
        "met": within == judged if judged else None,
        "without_exclusions": {
            "events": gross_judged,
            "attained": gross if gross_judged else None,
            "met": gross == gross_judged if gross_judged else None,
        },
    }


def _line(name: str, asked: str, unit: str, found: list[Standing], attained: Any) -> Line:
    net, gross = [one.sums for one in found], [one.gross for one in found]

    def part(parts: list[Sums]) -> Line:
        value, met = attained(parts)
        total = sum(one.total for one in parts)
        return {"events": total, "attained": _number(value), "met": met}

    return {
        "criterion": name,
        "asked": asked,
        "unit": unit,
        **part(net),
        "without_exclusions": part(gross),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
