"""Versions of objectives as they are stored now, kept by each process.

They hardly ever change, and making an object of a row takes far longer than reading it. A row's
xmin, the transaction that wrote it, tells whether it is still the one that was read.
"""

from django.db.models import QuerySet, TextField, prefetch_related_objects
from django.db.models.expressions import RawSQL

from slas.models import SloVersion

MOST = 20_000
Key = tuple[int, str]

_kept: dict[Key, SloVersion] = {}


def read(asked: "QuerySet[SloVersion]") -> list[SloVersion]:
    """The versions that are asked for, in their order, each with its Slo; not to be changed.

    One under a contract is made anew, with the contract, its client and SLA: people may edit them.
    """
    written = RawSQL("slo_versions.xmin::text", [], output_field=TextField())
    rows = list(asked.annotate(written=written).values_list("pk", "written", "contract_id"))
    found: dict[Key, SloVersion] = {
        (pk, xmin): one
        for pk, xmin, contract in rows
        if contract is None
        if (one := _kept.get((pk, xmin)))
    }
    missing = {pk: xmin for pk, xmin, _ in rows if (pk, xmin) not in found}
    again = SloVersion.objects.filter(pk__in=missing).select_related("slo").order_by()
    # As of what we saw: what was written since is seen as something else the next time.
    read_now = {(one.pk, missing[one.pk]): one for one in again} if missing else {}
    if len(_kept) > MOST:
        _kept.clear()
    _kept.update({key: one for key, one in read_now.items() if one.contract_id is None})
    # Few have one: joined, contracts would make every row three times as wide.
    under_contract = [one for one in read_now.values() if one.contract_id is not None]
    prefetch_related_objects(under_contract, "contract__client", "contract__sla")
    found |= read_now
    return [found[pk, xmin] for pk, xmin, _ in rows if (pk, xmin) in found]
