"""``POST /api/v2/alerts``: where Prometheus, or whoever speaks to an Alertmanager, sends alerts."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey
from alerts.receiving import posted
from alerts.receiving.posted import Told
from alerts.receiving.store import store
from metrics.ingest import tally
from metrics.ingest.faces import Answer, Deferred, Face, Incoming, Unacceptable
from metrics.ingest.forms import MalformedBody, Rejection

MOST_LISTED = 100
_TYPE = "application/json"


class Alertmanager(Face):
    """Alertmanager's API v2, as far as senders use it. It answers everything at its address."""

    name = "alertmanager"
    path = "/api/v2/alerts"
    content_types = frozenset({_TYPE})
    whole = True
    in_turn = True
    scope = ApiKey.Scope.ALERTS

    def take(self, key: ApiKey, plain: bytes, request: Incoming) -> Deferred | Answer:
        """The alerts of a body. Raises Unacceptable for a body that is none."""
        if request.content_type not in self.content_types:
            text = f"Content-Type “{request.content_type}” is not known."
            raise Unacceptable(415, "Content-Type", text, f"Send {_TYPE}.")
        timeout = timedelta(seconds=settings.ALERT_RESOLVE_TIMEOUT_SECONDS)
        try:
            told, rejections = posted.decode(plain, key, timezone.now(), timeout)
        except MalformedBody as error:
            raise Unacceptable(400, "(body)", str(error), "Send a JSON list of alerts.") from error
        rows = len(told) + len(rejections)
        return Deferred((told, rejections), request, key.pk, rows)

    def stored(self, ready: object) -> Answer:
        """Nothing here is a metric row."""
        raise NotImplementedError

    def settle(self, deferred: Sequence[Deferred]) -> list[Answer]:
        """All requests' alerts in one transaction."""
        told: list[Told] = [alert for one in deferred for alert in one.content[0]]
        if told:
            store(told, timezone.now())
        return [self._answer(one) for one in deferred]

    def _answer(self, one: Deferred) -> Answer:
        """200: all taken. 207: some, the others named. 400: none."""
        told, rejections = one.content
        tally.counted(self.name, one.key_id, stored=len(told), rejected=len(rejections))
        for rejection in rejections:
            text = f"{rejection.problem} {rejection.fix}"
            tally.refused(self.name, one.key_id, rejection.field, text)
        if not rejections:
            return Answer(200, {})
        return Answer(207 if told else 400, _told(len(told), rejections))


def _told(stored: int, rejections: Sequence[Rejection]) -> dict[str, object]:
    listed = [msgspec.to_builtins(one) for one in rejections[:MOST_LISTED]]
    return {"stored": stored, "rejected": len(rejections), "rejections": listed}
