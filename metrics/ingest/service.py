"""The one ingestion core: bodies in, answers out. DRF's view and the ASGI face both call it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import errors, schema
from metrics.ingest.encoding import BadEncoding, BodyTooLarge, unpack
from metrics.ingest.schema import Rejection
from metrics.ingest.store import Batch, commit
from metrics.ingest.validate import Limits, prepare

logger = logging.getLogger(__name__)
# An answer that lists ten thousand rejections helps nobody.
MAX_REJECTIONS_LISTED = 100


@dataclass(frozen=True)
class Incoming:
    """A request as it came: the key's text, which nobody has checked yet, and the body."""

    key: str
    body: bytes
    encoding: str = ""  # its Content-Encoding, in lower case


@dataclass(frozen=True)
class Answer:
    """Status, JSON content and further headers."""

    status: int
    content: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ready:
    """What of a request can be stored, and why the rest can't."""

    batch: Batch
    rejections: list[Rejection]


def receive(requests: Sequence[Incoming]) -> list[Answer]:
    """Answer several requests after one COPY and one commit for all of them.

    What of a request is good is committed when its answer says so; when the
    database can't commit, all that had good rows are asked to come again.
    """
    taken = [_take(request) for request in requests]
    ready = [one for one in taken if isinstance(one, _Ready)]
    failure = _commit([one.batch for one in ready])
    if failure is not None and len(ready) > 1 and failure.status == 500:
        # Something in one of them: the others must not suffer for it.
        return [receive([request])[0] for request in requests]
    return [one if isinstance(one, Answer) else _answer(one, failure) for one in taken]


def receive_with(key: ApiKey, body: bytes, encoding: str = "") -> Answer:
    """Answer one request whose key has been checked."""
    taken = _unpacked(key, body, encoding)
    if isinstance(taken, Answer):
        return taken
    commit(taken.batch)
    return _answer(taken, None)


def _take(request: Incoming) -> _Ready | Answer:
    try:
        key = keys.ring.check(request.key)
        if ApiKey.Scope.INGEST not in key.scopes:
            return _refusal(403, "(request)", "This API key lacks the scope “ingest”.")
        return _unpacked(key, request.body, request.encoding)
    except keys.InvalidKey as error:
        return _refusal(401, "Authorization", str(error))
    except (OperationalError, InterfaceError):
        return unavailable()
    except Exception:
        # One request's fault is not its neighbours'.
        logger.exception("a request could not be taken")
        return failed()


def _unpacked(key: ApiKey, body: bytes, encoding: str) -> _Ready | Answer:
    try:
        return _decode(key, unpack(body, encoding, settings.INGEST_MAX_BYTES))
    except BodyTooLarge:
        return too_large()
    except BadEncoding as error:
        return _refusal(415, "Content-Encoding", str(error))


def _decode(key: ApiKey, body: bytes) -> _Ready | Answer:
    try:
        rows, unfit = schema.decode(body, settings.INGEST_MAX_ROWS)
    except schema.MalformedBody as error:
        fix = "Send one JSON object or a list of them."
        return Answer(400, errors.problem("(body)", str(error), fix))
    batch, refused = prepare(rows, key.client_id, Limits.at(timezone.now()))
    return _Ready(batch, sorted(unfit + refused, key=lambda rejection: rejection.index))


def _commit(batches: list[Batch]) -> Answer | None:
    """Commit them together; None when that went well."""
    try:
        commit(batches[0] if len(batches) == 1 else Batch.joined(batches))
    except (OperationalError, InterfaceError):
        return unavailable()
    except Exception:
        logger.exception("a batch could not be stored")
        return failed()
    return None


def _answer(ready: _Ready, failure: Answer | None) -> Answer:
    stored, rejections = len(ready.batch), ready.rejections
    if failure is not None and stored:
        return failure
    listed = [msgspec.to_builtins(rejection) for rejection in rejections[:MAX_REJECTIONS_LISTED]]
    content = {"stored": stored, "rejected": len(rejections), "rejections": listed}
    if not rejections:
        return Answer(201, content)
    return Answer(207 if stored else 400, content)


def too_large() -> Answer:
    """413: more bytes than one request may have, packed or unpacked."""
    text = f"The body is larger than {settings.INGEST_MAX_BYTES} bytes."
    return Answer(413, errors.problem("(body)", text, errors.FIXES[413]))


def failed() -> Answer:
    """500: a fault of the portal's, which is in its log."""
    return Answer(500, errors.problem("(server)", "The portal failed.", "Report this."))


def unavailable(seconds: int = errors.RETRY_AFTER_SECONDS) -> Answer:
    """503: whether the request is stored is not known, and it may be sent again."""
    body = errors.problem(
        "(server)",
        "The portal can't say that it has stored this.",
        f"Send the same request again in {seconds} s; rows with an event_id are stored once.",
    )
    return Answer(503, body, {"Retry-After": str(seconds)})


def _refusal(status: int, where: str, text: str) -> Answer:
    headers = {"WWW-Authenticate": 'Bearer realm="aiosmon"'} if status == 401 else {}
    return Answer(status, errors.problem(where, text, errors.FIXES[status]), headers)
