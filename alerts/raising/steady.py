"""Breaches that go on and change nothing of their alerts: in a storm nearly all that is found."""

from collections.abc import Iterable, Mapping

from alerts.models import Alert
from alerts.raising import evidence, judging, touching
from alerts.raising.passing import Pass, fingerprint, numbers, still_open
from slas.compliance import Finding
from slas.recent import Pair

# So many alerts' figures, and the evidence of so many, are brought up to date in one pass.
MOST_MEASURED, MOST_RENEWED = 20, 10


class Open:
    """The alerts that are open as a pass begins to look."""

    def __init__(self, done: Pass) -> None:
        self._done = done
        # Looked up once: nearly all findings are ok and have no alert.
        self.status = dict(still_open().values_list("fingerprint", "status"))
        self._steady: dict[str, Alert] = {}
        self._spared: set[str] = set()

    def steady(self, broken: Iterable[Finding]) -> set[Pair]:
        """Breaches of which what was counted has to do, since they change nothing of their alerts.

        In a storm those are nearly all of them. The gravest MOST_MEASURED are measured all the
        same, for their latest figures; and the evidence of MOST_RENEWED a pass is renewed, that
        of the oldest which are due.
        """
        marked = {fingerprint(one.objective, one.client_id): one for one in broken}
        known = still_open().filter(fingerprint__in=marked.keys() & self.status.keys())
        same = [
            one
            for one in known.order_by("-impact_score", "pk")
            if judging.is_steady(marked[one.fingerprint], one, self._done.known)
        ]
        due = [one for one in same if evidence.is_due(one.evidence, marked[one.fingerprint])]
        due.sort(key=lambda one: evidence.until(one.evidence))
        renewed = {one.pk for one in due[:MOST_RENEWED]}
        left = [one for one in same if one.pk not in renewed]
        self._steady = {one.fingerprint: one for one in left}
        self._spared = {one.fingerprint for one in left[MOST_MEASURED:]}
        return {(one.client_id, one.slo_id or 0) for one in map(marked.get, self._spared) if one}

    def touch(self, found: Mapping[str, Finding]) -> set[str]:
        """Note at once that those go on; the fingerprints of those that still were as told."""
        known = self._done.known
        rows = [
            (alert, found[mark], {} if mark in self._spared else numbers(found[mark], known))
            for mark, alert in self._steady.items()
            # Measured, one may turn out to be graver than by what was counted.
            if mark in self._spared or judging.is_steady(found[mark], alert, known)
        ]
        touched = touching.touch((alert, finding.end, told) for alert, finding, told in rows)
        self._done.updated += len(touched)
        return {alert.fingerprint for alert, *_ in rows if alert.pk in touched}
