"""Which objective is asked of which client now, and which times don't count for it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from slas import contracts, exclusions, recent
from slas.models import Contract, Slo
from slas.objectives import Objective
from slas.recent import Asked, Pair
from slas.windows import Span


def asked(
    promised: Iterable[Objective],
    start: datetime,
    now: datetime,
    only: Collection[Pair] | None = None,
) -> list[Asked]:
    """Each objective with each client for which anything was ever counted; of these ``only`` some.

    With what approved exclusions and business hours take out from ``start`` on. A contract in
    force takes the place of its SLA's objectives for its client.
    """
    found = _all(promised, now, recent.pairs() if only is None else sorted(only))
    slos: dict[int, list[Slo]] = defaultdict(list)
    known = Slo.objects.in_bulk({one.pair[1] for one, _contract in found})
    for one, _contract in found:
        slos[one.pair[0]].append(known[one.pair[1]])
    end = recent.end_of(now)
    approved = exclusions.spans_of_all(slos, start, end)
    closed = {
        contract.pk: contracts.closed_hours(contract, start, end)
        for _one, contract in found
        if contract is not None
    }
    return [_excluding(one, contract, approved, closed) for one, contract in found]


def _excluding(
    one: Asked,
    contract: Contract | None,
    approved: dict[Pair, list[Span]],
    closed: dict[int, list[Span]],
) -> Asked:
    spans = approved.get(one.pair, [])
    if contract is not None:
        spans = exclusions.union([*spans, *closed[contract.pk]])
    return replace(one, excluded=tuple(spans)) if spans else one


def _all(
    promised: Iterable[Objective], now: datetime, pairs: Iterable[Pair]
) -> list[tuple[Asked, Contract | None]]:
    default = {objective.key: objective for objective in promised}
    own = {
        (contract.client_id, objective.key): (objective, contract)
        for contract, objective in contracts.now_promised(now)
        if objective.key in default
    }
    pairs = list(pairs)
    known = Slo.objects.filter(pk__in={slo for _client, slo in pairs}).values_list(
        "pk", "base", "client"
    )
    slos = {pk: (base, owner) for pk, base, owner in known}
    found: list[tuple[Asked, Contract | None]] = []
    for client_id, slo_id in pairs:
        base, owner = slos.get(slo_id, ("", None))
        replaced = own.get((client_id, base))
        if owner is None and base in default and replaced is None:
            found.append((Asked((client_id, slo_id), default[base]), None))
        elif owner == client_id and replaced is not None:
            found.append((Asked((client_id, slo_id), replaced[0]), replaced[1]))
    return found
