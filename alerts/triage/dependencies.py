"""Which components a component can't work without."""

from collections import defaultdict

from django.core.exceptions import ValidationError
from django.db import connection

from alerts.models import ComponentDependency
from metrics.models import Component

LOCK = 0x44455053


class Dependencies:
    """The whole graph, read once. It is small: a row an edge."""

    def __init__(self) -> None:
        self._direct: dict[str, set[str]] = defaultdict(set)
        pairs = ComponentDependency.objects.values_list("component__code", "depends_on__code")
        for component, needed in pairs.order_by():
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


def check(component: Component, depends_on: Component) -> None:
    """Raise ValidationError for a dependency that would close a circle.

    Call it in the transaction that saves it: until that ends, nobody else's is checked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if component == depends_on or component.code in Dependencies().upstream(depends_on.code):
        raise ValidationError(
            f"{depends_on} depends on {component} already: no alert could be traced to its "
            "cause in a circle.",
            code="circle",
        )
