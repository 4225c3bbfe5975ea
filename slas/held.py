"""Rules with a hold time: since when they burn, kept from one evaluation to the next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from slas import burning
from slas.burning import Burn
from slas.compliance import Finding
from slas.models import HeldRule

Key = tuple[int, str, str]  # client, objective, rule


def apply(findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """The findings with the rule that fires: the first that burns and has burnt long enough.

    Where none has, the first that burns is ``holding``. What is kept of rules of these findings
    that no longer burn, or no longer are, goes.
    """
    judged = {(finding.client_id, finding.objective.key) for finding in findings}
    before = {
        (one.client_id, one.objective, one.rule): one.since
        for one in HeldRule.objects.all()
        if (one.client_id, one.objective) in judged
    }
    burning_now: dict[Key, datetime] = {}
    found = []
    for finding in findings:
        fired: Burn | None = None
        holding: Burn | None = None
        for burn in burning.burning(finding.burns, finding.objective.minimum):
            since = now
            if burn.rule.hold:
                key = (finding.client_id, finding.objective.key, burn.rule.name)
                since = burning_now[key] = min(before.get(key, now), now)
            if now - since < burn.rule.hold:
                holding = holding or burn
            elif fired is None:
                fired = burn
        found.append(replace(finding, fired=fired, holding=None if fired else holding))
    _keep(before, burning_now, now)
    return found


def _keep(before: dict[Key, datetime], after: dict[Key, datetime], now: datetime) -> None:
    for client_id, objective, rule in before.keys() - after.keys():
        known = HeldRule.objects.filter(client=client_id, objective=objective, rule=rule)
        # Not what an evaluation beside this one, which looked later, found burning.
        known.filter(since__lte=now).delete()
    HeldRule.objects.bulk_create(
        (
            HeldRule(client_id=key[0], objective=key[1], rule=key[2], since=after[key])
            for key in after.keys() - before.keys()
        ),
        ignore_conflicts=True,
    )
