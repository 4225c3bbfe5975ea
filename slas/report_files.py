"""PURE: a compliance report as files: JSON with everything, CSV with a line a promise."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from slas.report import Report

COLUMNS = (
    "client",
    "period",
    "from",
    "until",
    "time_zone",
    "objective",
    "contract",
    "promised",
    "unit",
    "required",
    "attained",
    "verdict",
    "good",
    "total",
    "budget_left",
    "p50",
    "p95",
    "p99",
    "percentile_unit",
    "excluded_minutes",
    "attained_without_exclusions",
    "verdict_without_exclusions",
    "good_without_exclusions",
    "total_without_exclusions",
    "credits",
    "digest",
)
# A spreadsheet would take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: Report) -> str:
    """The content with its digest, for people's eyes; the digest is over report.canonical."""
    sealed = {"content": report.content, "digest": {"sha256": report.digest}}
    return json.dumps(sealed, indent=2, ensure_ascii=False) + "\n"


def as_csv(report: Report) -> str:
    """A line a promise, the report's digest in each."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in _rows(report))
    return out.getvalue()


def name_of(report: Report, extension: str) -> str:
    """The file's name, safe in a header: codes and dates alone."""
    period = report.content["period"]["name"].replace(" – ", "_")
    return f"compliance-{report.content['client']['code']}-{period}.{extension}"


def _rows(report: Report) -> Iterable[dict[str, Any]]:
    content = report.content
    client, period = content["client"], content["period"]
    for one in content["promises"]:
        counted, gross = one["counted"], one["without_exclusions"]
        read = counted["percentiles"] or {}
        yield {
            "client": client["code"],
            "period": period["name"],
            "from": period["start"],
            "until": period["end"],
            "time_zone": client["time_zone"],
            "objective": one["objective"],
            "contract": one["contract"],
            "promised": one["versions"][-1]["promised"],
            "unit": one["unit"],
            "required": one["required"],
            "attained": counted["attained"],
            "verdict": counted["verdict"],
            "good": counted["good"],
            "total": counted["total"],
            "budget_left": counted["budget_left"],
            **{name: read.get(name) for name in ("p50", "p95", "p99")},
            "percentile_unit": read.get("unit"),
            "excluded_minutes": one["excluded_minutes"],
            "attained_without_exclusions": gross["attained"],
            "verdict_without_exclusions": gross["verdict"],
            "good_without_exclusions": gross["good"],
            "total_without_exclusions": gross["total"],
            "credits": _credits(content["credits"], one),
            "digest": report.digest,
        }


def _credits(lines: list[dict[str, Any]], promise: dict[str, Any]) -> str:
    return "; ".join(
        f"{one['month']}: {one['percent']} %"
        + (f" = {one['amount']} {one['currency']}" if one["amount"] else "")
        for one in lines
        if one["objective"] == promise["objective"] and promise["contract"]
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
