"""Which components a component can't work without."""

from collections import defaultdict
from functools import cached_property

from django.core.exceptions import ValidationError
from django.db import connection

from alerts.models import ComponentDependency
from metrics.models import Component

LOCK = 0x44455053


class Dependencies:
    """The whole graph, read once, when it is first asked. It is small: a row an edge."""

    def __init__(self, without: int | None = None) -> None:
        self._without = without
        self._upstream: dict[str, frozenset[str]] = {}

    def upstream(self, component: str) -> frozenset[str]:
        """All that the component depends on, directly or not; itself only within a cycle."""
        if component not in self._upstream:
            self._upstream[component] = self._search(component)
        return self._upstream[component]

    @cached_property
    def _direct(self) -> dict[str, set[str]]:
        direct: dict[str, set[str]] = defaultdict(set)
        edges = ComponentDependency.objects.values_list("pk", "component__code", "depends_on__code")
        for pk, component, needed in edges.order_by():
            if pk != self._without:
                direct[component].add(needed)
        return direct

    def _search(self, component: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = [component]
        while waiting:
            new = self._direct.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return frozenset(found)


def check(component: Component, depends_on: Component, pk: int | None = None) -> None:
    """Raise ValidationError for a dependency that would close a circle.

    ``pk`` is the edge that it takes the place of. Call it in the transaction that
    saves it: until that ends, nobody else's is checked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if component == depends_on or component.code in Dependencies(pk).upstream(depends_on.code):
        raise ValidationError(
            f"{depends_on} depends on {component} already: no alert could be traced to its "
            "cause in a circle.",
            code="circle",
        )
