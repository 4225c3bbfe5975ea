"""Business impact: who is hit, what of the error budget is spent, what is at stake.

Numbers first (Alert.impact), one sentence from them (business_impact), and one score
that the inbox is sorted by. docs/alerts.md has the formulas.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Client
from alerts.raising.severity import ENDLESS, rank
from metrics import formats
from slas import budget, contracts, periods, standing, terms
from slas.compliance import Finding
from slas.judge import bad_ratio
from slas.models import Contract, Criticality, Slo, SloVersion
from slas.objectives import BY_SHARE, Kind
from slas.periods import Period

LENGTH = 255
# What budgets and burn rates are told over.
PERIOD = timedelta(days=30)
# A budget that lasts longer than this is not said to run out.
FAR = timedelta(days=365)
SOON = timedelta(days=1)
TIERS = {
    Client.Tier.PLATFORM: 1.0,
    Client.Tier.STANDARD: 1.0,
    Client.Tier.BUSINESS: 1.5,
    Client.Tier.ENTERPRISE: 2.0,
}
CRITICALITIES = {
    Criticality.LOW: 0.5,
    Criticality.NORMAL: 1.0,
    Criticality.HIGH: 1.5,
    Criticality.CRITICAL: 2.0,
}
Impact = dict[str, Any]


def of(
    finding: Finding,
    client: Client,
    held: SloVersion | None,
    left: float | None,
    evidence: dict[str, Any],
) -> Impact:
    """The impact in numbers, by the evidence's counts; ``held`` is the version in force.

    ``left`` is of the budget (see ``budgets_left``).

    ``budget_spent`` and ``budget_left`` are shares of what the last PERIOD's traffic allows,
    without what is excluded; None for promises that have no budget. ``exhausted_at`` None: never.
    """
    counts, rated = evidence["counts"], finding.objective.kind == Kind.SATISFACTION
    burn = _burn(finding, counts)
    return {
        "clients": evidence["affected"]["clients"],
        "users": counts["users"],
        "bad": counts["bad"],
        "total": counts["votes"] if rated else counts["total"],
        "burn": burn,
        "budget_left": left,
        "budget_spent": None if left is None else 1 - left,
        "budget_period": _in_iso(_period(finding.end)),
        "exhausted_at": _exhausted(finding.end, left, burn),
        "credit": _credit(finding, client, held, counts),
        "tier": client.tier,
        "criticality": str(finding.objective.criticality),
    }


def budgets_left(client: Client, slos: Iterable[Slo], end: datetime) -> dict[int, float | None]:
    """What is left of the budgets over PERIOD, as shares, by the objective's id."""
    period = _period(end)
    # As of long after: whether services report right now is not asked, and takes two look-ups.
    after = period.end + FAR
    found = standing.standings(client, period.start, period.end, after, slos)
    # Where a contract began or ended there are two: the first.
    return {one.slo.pk: one.budget_left for one in reversed(found)}


def bare(finding: Finding, client: Client) -> Impact:
    """What can be told without counting: by the finding's own figures."""
    good, total = finding.ruling.good, finding.ruling.total
    unknown = ("burn", "budget_left", "budget_spent", "exhausted_at", "credit")
    return dict.fromkeys(unknown) | {
        "clients": 1,
        "users": finding.figures.users,
        "bad": total - good if good is not None else None,
        "total": total,
        "tier": client.tier,
        "criticality": str(finding.objective.criticality),
    }


def score(severity: str, impact: Impact, as_of: datetime) -> float:
    """What sorts the inbox: larger is graver. Never falls when any one of its parts rises.

    weight(tier) · weight(criticality) · (1 + rank(severity) + log10(1 + bad) + log10(1 + users)
    + 2·min(1, budget_spent) + min(1, 1 day / time to exhaustion) + log10(1 + credit)).
    Impacts without some of these numbers get nothing for them.
    """
    weight = TIERS.get(impact.get("tier", ""), 1.0)
    weight *= CRITICALITIES.get(impact.get("criticality", ""), 1.0)
    credit = impact.get("credit") or {}
    parts = (
        1.0,
        rank(severity),
        math.log10(1 + (impact.get("bad") or 0)),
        math.log10(1 + (impact.get("users") or 0)),
        2 * min(1.0, max(0.0, impact.get("budget_spent") or 0.0)),
        _urgency(impact.get("exhausted_at"), as_of),
        math.log10(1 + float(credit.get("amount") or 0)),
    )
    return round(weight * math.fsum(parts), 4)


def sentence(finding: Finding, client: str, impact: Impact) -> str:
    """Who is affected and how, in at most LENGTH characters; what matters most comes first."""
    objective, ruling = finding.objective, finding.ruling
    if objective.kind == Kind.SATISFACTION:
        text = f"{ruling.total} ratings of {client} average {ruling.actual:.2f} of 5."
    elif objective.kind in BY_SHARE:
        text = f"{impact['bad']} of {impact['total']} requests of {client} missed the promise"
        users = impact["users"]
        text += f" ({users} signed-in users)." if users else "."
    elif objective.kind == Kind.AT_LEAST:
        text = f"{objective.model} is less accurate than promised ({objective.name}) for {client}."
    else:
        text = f"{objective.component} runs over its limit {objective.name} for {client}."
    text = " ".join([text, *_money(impact, finding.end), objective.business_impact]).strip()
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _money(impact: Impact, as_of: datetime) -> list[str]:
    """What of the budget is gone and when the rest will be; what may have to be credited."""
    found = []
    if impact["budget_spent"] is not None:
        text = f"{formats.share(max(0.0, impact['budget_spent']), 1)} of the 30-day budget is spent"
        if impact["exhausted_at"] and impact["budget_left"] > 0:
            lasts = datetime.fromisoformat(impact["exhausted_at"]) - as_of
            text += f"; at this rate the rest lasts {formats.age(lasts)}"
        found.append(f"{text}.")
    credit = impact["credit"]
    if credit and credit["percent"]:
        amount = f"{credit['amount']} {credit['currency']}" if credit["amount"] else ""
        told = f"{amount} ({credit['percent']:g} %)" if amount else f"{credit['percent']:g} %"
        found.append(f"At stake this month: a credit of {told}.")
    return found


def _urgency(exhausted_at: str | None, as_of: datetime) -> float:
    if not exhausted_at:
        return 0.0
    lasts = datetime.fromisoformat(exhausted_at) - as_of
    return 1.0 if lasts <= SOON else SOON / lasts


def _burn(finding: Finding, counts: dict[str, int]) -> float | None:
    """None where nothing has a budget, and where none is allowed."""
    if finding.objective.kind not in BY_SHARE or not counts["total"]:
        return None
    burn = bad_ratio(finding.objective, counts["total"], counts["good"])
    return burn if burn < ENDLESS else None


def _period(at: datetime) -> Period:
    return periods.rolling(at, PERIOD)


def _in_iso(period: Period) -> dict[str, str]:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()}


def _exhausted(at: datetime, left: float | None, burn: float | None) -> str | None:
    if left is None or burn is None:
        return None
    lasts = budget.exhausted_after(left, burn, PERIOD)
    return (at + lasts).isoformat() if lasts is not None and lasts < FAR else None


def _credit(
    finding: Finding, client: Client, held: SloVersion | None, counts: dict[str, int]
) -> Impact | None:
    """What the running month would give back: as it stands, and if it went on like this."""
    contract = held.contract if held else None
    if held is None or contract is None or not contract.credit_terms or not counts["total"]:
        return None
    if finding.objective.kind != Kind.AVAILABILITY:
        return None
    month = periods.month(finding.end, client.time_zone)
    until = finding.end.replace(second=0, microsecond=0)
    found = standing.standings(client, month.start, until, finding.end, [held.slo])
    one = next((one for one in found if one.slo == held.slo), None)
    good, total = (one.sums.good, one.sums.total) if one else (0, 0)
    share = counts["good"] / counts["total"]
    return _terms(contract, month.name) | _at_stake(
        contract,
        100 * good / total if total else None,
        projected(good, total, share, (month.end - until) / max(until - month.start, timedelta(1))),
    )


def projected(good: int, total: int, share: float, rest: float) -> float:
    """PURE: percent good at the month's end, if its traffic goes on and ``share`` of it is good.

    ``rest`` is what is left of the month as a multiple of what has passed. Without
    events so far it is the share itself.
    """
    coming = total * rest
    return 100 * (good + coming * share) / (total + coming) if total else 100 * share


def _terms(contract: Contract, month: str) -> Impact:
    return {
        "contract": str(contract),
        "currency": contract.currency,
        "terms": terms.credits_text(contract.credit_terms),
        "month": month,
    }


def _at_stake(contract: Contract, attained: float | None, coming: float) -> Impact:
    amounts = [contracts.credit_amount(contract, one) for one in (coming, attained)]
    told = [None if one is None else str(one) for one in amounts]
    return {
        "attained": attained,
        "projected": coming,
        "percent": contracts.credits(contract, coming),
        "amount": told[0],
        "due_percent": contracts.credits(contract, attained),
        "due_amount": told[1],
    }
