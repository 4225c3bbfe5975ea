"""The REST face: metric rows as JSON, or as JSON lines."""

import msgspec
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey
from metrics.ingest import idempotency, schema
from metrics.ingest.faces import Answer, Face, Incoming, Ready, Unacceptable
from metrics.ingest.validate import Limits, prepare

# An answer that lists ten thousand rejections helps nobody.
MAX_REJECTIONS_LISTED = 100
LINES = frozenset({"application/x-ndjson", "application/jsonl"})


class Rest(Face):
    """``POST /api/v1/metrics/``."""

    name = "rest"
    path = "/api/v1/metrics/"
    content_types = frozenset({"application/json", *LINES})

    def take(self, key: ApiKey, plain: bytes, request: Incoming) -> Ready | Answer:
        """Rows that can be stored, and the rejections of the others; 400 for no rows at all."""
        decode = schema.decode_lines if request.content_type in LINES else schema.decode
        try:
            claim = idempotency.claim_of(key.pk, plain, request)
            rows, unfit = decode(plain, settings.INGEST_MAX_ROWS)
        except idempotency.BadKey as error:
            fix = "Send a UUID, say, the same one when the same request is sent again."
            raise Unacceptable(400, "Idempotency-Key", str(error), fix) from error
        except schema.MalformedBody as error:
            fix = "Send one JSON object, a list of them, or one a line (application/x-ndjson)."
            raise Unacceptable(400, "(body)", str(error), fix) from error
        batch, refused = prepare(rows, key.client_id, Limits.at(timezone.now()))
        rejections = sorted(unfit + refused, key=lambda rejection: rejection.index)
        return Ready(batch, rejections, request, key.pk, claim)

    def stored(self, ready: Ready) -> Answer:
        """201: all stored. 207: some, the others named. 400: none."""
        stored, rejections = len(ready.batch), ready.rejections
        listed = [msgspec.to_builtins(one) for one in rejections[:MAX_REJECTIONS_LISTED]]
        content = {"stored": stored, "rejected": len(rejections), "rejections": listed}
        if not rejections:
            return Answer(201, content)
        return Answer(207 if stored else 400, content)
