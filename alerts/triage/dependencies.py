"""Which components a component can't work without."""

from collections import defaultdict

from django.core.exceptions import ValidationError
from django.db import connection

from alerts.models import ComponentDependency
from metrics.models import Component

LOCK = 0x44455053


class Dependencies:
    """The whole graph, read once. It is small: a row an edge."""

    def __init__(self, without: int | None = None) -> None:
        self._direct: dict[str, set[str]] = defaultdict(set)
        edges = ComponentDependency.objects.values_list("pk", "component__code", "depends_on__code")
        for pk, component, needed in edges.order_by():
            if pk != without:
                self._direct[component].add(needed)

    def upstream(self, component: str) -> set[str]:
        """All that the component depends on, directly or not; itself only within a cycle."""
        found: set[str] = set()
        waiting = [component]
        while waiting:
            new = self._direct.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found


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
