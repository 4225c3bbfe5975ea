"""PURE: a compliance report's figures as people read them; the template only places them."""

from datetime import datetime
from typing import Any

from metrics import formats
from slas import report_words
from slas.report import Content, Report

_BADGES = {
    report_words.KEPT: "ok",
    report_words.BROKEN: "firing",
    report_words.INSUFFICIENT: "medium",
}


def of(report: Report) -> dict[str, Any]:
    """What the template needs."""
    content = report.content
    return {
        "client": content["client"],
        "period": content["period"]["name"],
        "since": _minute(content["period"]["start"]),
        "until": _minute(content["period"]["end"]),
        "last_data": _minute(content["period"]["last_hour_with_data"]),
        "scorecard": [_criterion(one) for one in content["scorecard"]],
        "promises": [_promise(one) for one in content["promises"]],
        "excluded": any(one["excluded_minutes"] for one in content["promises"]),
        "credits": [_credit(one) for one in content["credits"]],
        "credits_differ": any(
            one["percent"] != one["percent_without_exclusions"] for one in content["credits"]
        ),
        "exclusions": [_exclusion(one) for one in content["exclusions"]],
        "method": content["method"],
        "digest": report.digest,
    }


def _criterion(one: Content) -> dict[str, Any]:
    words = {True: ("Met", "ok"), False: ("Missed", "firing"), None: ("Not measured", "none")}
    text, level = words[one["met"]]
    gross = one["without_exclusions"]
    return {
        "name": one["criterion"],
        "asked": one["asked"],
        "attained": _attained(one, one),
        "gross": _attained(one, gross) if gross != {key: one[key] for key in gross} else "",
        "events": one["events"],
        "what": {"score": "votes", "count": "judged"}.get(one["unit"], "requests"),
        "verdict": text,
        "level": level,
    }


def _attained(one: Content, part: Content) -> str:
    value = part["attained"]
    if one["unit"] == "count":
        return "–" if value is None else f"{value} of {part['events']}"
    return figure(value, one["unit"])


def _promise(one: Content) -> dict[str, Any]:
    counted, gross = one["counted"], one["without_exclusions"]
    return {
        **one,
        "net": _figures(one, counted),
        "gross": _figures(one, gross),
        "differs": one["excluded_minutes"] > 0,
        "excluded": _length(one["excluded_minutes"]),
        "required": figure(one["required"], one["unit"]),
        "sign": "≤" if one["kind"] == "limit" else "≥",
        "budget": _budget(counted["budget_left"]),
        "overspent": (counted["budget_left"] or 0) < 0,
        "versions": [
            {**line, "from": _minute(line["from"]), "until": _minute(line["until"])}
            for line in one["versions"]
        ],
    }


def _figures(one: Content, part: Content) -> dict[str, Any]:
    read = part["percentiles"] or {}
    unit = read.get("unit", "")
    return {
        "attained": figure(part["attained"], one["unit"]),
        "good": None if part["good"] is None else f"{part['good']:,}",
        "total": f"{part['total']:,}",
        "verdict": report_words.VERDICT_LABELS[part["verdict"]],
        "level": _BADGES.get(part["verdict"], "none"),
        "percentiles": [
            (name, formats.measure(read[name], unit))
            for name in ("p50", "p95", "p99")
            if name in read
        ],
        "error": read.get("error_percent"),
    }


def _credit(one: Content) -> dict[str, Any]:
    amount = one["amount"]
    return {
        **one,
        "terms": one["terms"].replace("\n", "; ") or "none agreed",
        "attained": figure(one["attained"], "percent"),
        "amount": f"{float(amount):,.2f}{formats.NBSP}{one['currency']}" if amount else "–",
    }


def _exclusion(one: Content) -> dict[str, Any]:
    asked, agreed = _minute(one["requested_at"]), _minute(one["approved_at"])
    length = _length(one["minutes"])
    return {**one, "requested_at": asked, "approved_at": agreed, "length": length}


def figure(value: float | None, unit: str) -> str:
    """A share to a thousandth, rounded down: a missed target never looks met."""
    if value is None or unit != "percent":
        return formats.measure(value, unit)
    # Binary fractions such as 99.7 lie a hair below: they are not to lose a thousandth.
    return f"{int(value * 1000 + 1e-6) / 1000:g}{formats.NBSP}%"


def _budget(left: float | None) -> str:
    if left is None:
        return "–"
    return f"{left * 100:,.0f}{formats.NBSP}%".replace("-", "−")


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [
        f"{hours:,}{formats.NBSP}h" if hours else "",
        f"{rest}{formats.NBSP}min" if rest else "",
    ]
    return " ".join(filter(None, parts)) or f"0{formats.NBSP}min"


def _minute(text: str | None) -> str:
    """Times are in the client's zone already."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else ""
