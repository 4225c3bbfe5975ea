"""The one ingestion core: requests in, answers out, whatever face they came through."""

import logging
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import InterfaceError, OperationalError

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import errors
from metrics.ingest.encoding import BadEncoding, BodyTooLarge, unpack
from metrics.ingest.faces import Answer, Face, Incoming, Ready
from metrics.ingest.rest import Rest
from metrics.ingest.store import Batch, commit

logger = logging.getLogger(__name__)

FACES: dict[str, Face] = {face.name: face for face in (Rest(),)}
BY_PATH = {face.path: face for face in FACES.values()}


def receive(requests: Sequence[Incoming]) -> list[Answer]:
    """Answer several requests after one COPY and one commit for all of them.

    What of a request is good is committed when its answer says so; when the
    database can't commit, all that had good rows are asked to come again.
    """
    taken = [_take(request) for request in requests]
    ready = [one for one in taken if isinstance(one, Ready)]
    failure = _commit([one.batch for one in ready])
    if failure == errors.FAILED and len(ready) > 1:
        # Something in one of them: the others must not suffer for it.
        return [receive([request])[0] for request in requests]
    return [one if isinstance(one, Answer) else _answer(one, failure) for one in taken]


def receive_with(key: ApiKey, request: Incoming) -> Answer:
    """Answer one request whose key has been checked."""
    taken = _unpacked(key, request)
    if isinstance(taken, Answer):
        return taken
    commit(taken.batch)
    return _answer(taken, 0)


def _take(request: Incoming) -> Ready | Answer:
    try:
        key = keys.ring.check(request.key)
        if ApiKey.Scope.INGEST not in key.scopes:
            return refuse(403, "(request)", "This API key lacks the scope “ingest”.", request)
        return _unpacked(key, request)
    except keys.InvalidKey as error:
        return refuse(401, "Authorization", str(error), request)
    except (OperationalError, InterfaceError):
        return unavailable(request)
    except Exception:
        # One request's fault is not its neighbours'.
        logger.exception("a request could not be taken")
        return failed(request)


def _unpacked(key: ApiKey, request: Incoming) -> Ready | Answer:
    try:
        plain = unpack(request.body, request.encoding, settings.INGEST_MAX_BYTES)
    except BodyTooLarge:
        return too_large(request)
    except BadEncoding as error:
        return refuse(415, "Content-Encoding", str(error), request)
    return FACES[request.face].take(key, plain, request)


def _commit(batches: Iterable[Batch]) -> int:
    """Commit them together; 0 when that went well, else the status that says why not."""
    batches = list(batches)
    try:
        commit(batches[0] if len(batches) == 1 else Batch.joined(batches))
    except (OperationalError, InterfaceError):
        return errors.UNAVAILABLE
    except Exception:
        logger.exception("a batch could not be stored")
        return errors.FAILED
    return 0


def _answer(ready: Ready, failure: int) -> Answer:
    if failure and len(ready.batch):
        return (unavailable if failure == errors.UNAVAILABLE else failed)(ready.request)
    return FACES[ready.request.face].stored(ready)


def too_large(request: Incoming) -> Answer:
    """413: more bytes than one request may have, packed or unpacked."""
    return refuse(413, "(body)", errors.TOO_LARGE.format(settings.INGEST_MAX_BYTES), request)


def failed(request: Incoming) -> Answer:
    """500: a fault of the portal's, which is in its log."""
    return refuse(500, "(server)", "The portal failed.", request)


def unavailable(request: Incoming, seconds: int = errors.RETRY_AFTER_SECONDS) -> Answer:
    """503: whether the request is stored is not known, and it may be sent again."""
    fix = f"Send the same request again in {seconds} s; rows with an event_id are stored once."
    answer = refuse(503, "(server)", "The portal can't say that it has stored this.", request, fix)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def refuse(status: int, where: str, text: str, request: Incoming, fix: str = "") -> Answer:
    """An error in the form of the request's face."""
    fix = fix or errors.FIXES[status]
    answer = FACES[request.face].refusal(status, where, text, fix, request)
    if status == errors.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="aiosmon"'
    return answer
