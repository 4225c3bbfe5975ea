"""The one ingestion core: requests in, answers out, whatever face they came through."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import groupby

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from metrics.ingest import errors, idempotency, tally
from metrics.ingest.encoding import BadEncoding, BodyTooLarge, unpack
from metrics.ingest.faces import Answer, Deferred, Face, Incoming, Ready, Unacceptable
from metrics.ingest.feedback import FeedbackFace
from metrics.ingest.rates import Rates
from metrics.ingest.rest import Rest
from metrics.ingest.store import Batch, commit
from metrics.otlp.logs import Logs
from metrics.otlp.metrics import Metrics
from metrics.otlp.traces import Traces

logger = logging.getLogger(__name__)

FACES: dict[str, Face] = {
    face.name: face for face in (Rest(), FeedbackFace(), Traces(), Metrics(), Logs())
}
BY_PATH = {face.path: face for face in FACES.values()}


def register(face: Face) -> None:
    """Let a floor above answer at an address of its own, as fast as ours."""
    FACES[face.name] = BY_PATH[face.path] = face


rates = Rates()
# Decoded, a body may take forty times its size: of the large ones one at a time is. It costs no
# speed, for the interpreter decodes one at a time anyway.
LARGE_BYTES = 512 * 1024
_large = threading.Lock()


def receive(requests: Sequence[Incoming]) -> list[Answer]:
    """Answer several requests after one COPY and one commit for all of them.

    What of a request is good is committed when its answer says so; when the
    database can't commit, all that had good rows are asked to come again.
    """
    taken = [_take(request) for request in requests]
    ready = [one for one in taken if isinstance(one, Ready)]
    failure, answers = _commit(ready)
    if failure == errors.FAILED and len(ready) > 1:
        # Something in one of them: the others must not suffer for it.
        answers = [receive([one.request])[0] for one in ready]
    committed = iter(answers)
    settled = iter(_settle([one for one in taken if isinstance(one, Deferred)]))
    return [
        one if isinstance(one, Answer) else next(committed if isinstance(one, Ready) else settled)
        for one in taken
    ]


def receive_with(key: ApiKey, request: Incoming) -> Answer:
    """Answer one request whose key has been checked."""
    try:
        taken = _admitted(key, request)
    except (OperationalError, InterfaceError):
        return unavailable(request)
    if isinstance(taken, Answer):
        return taken
    return _settle([taken])[0] if isinstance(taken, Deferred) else _commit([taken])[1][0]


def _take(request: Incoming) -> Ready | Deferred | Answer:
    try:
        key = keys.ring.check(request.key)
        if (scope := FACES[request.face].scope) not in key.scopes:
            text = f"This API key lacks the scope “{scope}”."
            return refuse(403, "(request)", text, request, key_id=key.pk)
        return _admitted(key, request)
    except keys.InvalidKey as error:
        return refuse(401, "Authorization", str(error), request)
    except (OperationalError, InterfaceError):
        return unavailable(request)
    except Exception:
        # One request's fault is not its neighbours'.
        logger.exception("a request could not be taken")
        return failed(request)


def _admitted(key: ApiKey, request: Incoming) -> Ready | Deferred | Answer:
    """Let the request in if its key has not sent too much, and decode it."""
    limit = key.rows_per_minute
    per_minute = settings.INGEST_ROWS_PER_MINUTE if limit is None else limit
    if seconds := rates.wait(key.pk, per_minute, time.monotonic()):
        return too_many(request, key.pk, per_minute, seconds)
    taken = _unpacked(key, request)
    rows = len(taken.batch) + len(taken.rejections) if isinstance(taken, Ready) else taken.rows
    rates.charge(key.pk, per_minute, rows, time.monotonic())
    return taken


def _unpacked(key: ApiKey, request: Incoming) -> Ready | Deferred | Answer:
    try:
        plain = unpack(request.body, request.encoding, settings.INGEST_MAX_BYTES)
    except BodyTooLarge:
        return too_large(request, key.pk)
    except BadEncoding as error:
        return refuse(415, "Content-Encoding", str(error), request, key_id=key.pk)
    try:
        with _large if len(plain) > LARGE_BYTES else nullcontext():
            return FACES[request.face].take(key, plain, request)
    except Unacceptable as fault:
        where, text, fix = fault.where, fault.problem, fault.fix
        return refuse(fault.status, where, text, request, fix, key_id=key.pk)


def _settle(deferred: Sequence[Deferred]) -> list[Answer]:
    """Let each face store what it deferred; one request's fault is not its neighbours'."""
    answers: list[Answer] = []
    for name, alike in groupby(deferred, key=lambda one: one.request.face):
        several = list(alike)
        try:
            answers += FACES[name].settle(several)
        except (OperationalError, InterfaceError):
            answers += [unavailable(one.request) for one in several]
        except Exception:
            logger.exception("a face could not store what it took")
            if len(several) > 1:
                answers += [answer for one in several for answer in _settle([one])]
            else:
                answers.append(failed(several[0].request))
    return answers


def _commit(ready: Sequence[Ready]) -> tuple[int, list[Answer]]:
    """Commit them together; the status that says why not (0: went well), and an answer each."""
    answers = [FACES[one.request.face].stored(one) for one in ready]
    try:
        repeats = _store(ready, answers)
    except (OperationalError, InterfaceError):
        return errors.UNAVAILABLE, [_not_stored(*one) for one in zip(ready, answers, strict=True)]
    except Exception:
        logger.exception("a batch could not be stored")
        return errors.FAILED, [failed(one.request) for one in ready]
    for one, repeat in zip(ready, repeats, strict=True):
        _count(one, repeat)
    return 0, [repeat or answer for repeat, answer in zip(repeats, answers, strict=True)]


def _store(ready: Sequence[Ready], answers: Sequence[Answer]) -> list[Answer | None]:
    """Store what has not been stored under its Idempotency-Key; the others' answers."""
    if not any(one.claim for one in ready):
        commit(_joined(ready))
        return [None] * len(ready)
    claims = [(one.claim, answer) for one, answer in zip(ready, answers, strict=True) if one.claim]
    with transaction.atomic():
        settled = iter(idempotency.settle(claims))
        repeats = [next(settled) if one.claim else None for one in ready]
        commit(_joined([one for one, repeat in zip(ready, repeats, strict=True) if not repeat]))
    return repeats


def _joined(ready: Sequence[Ready]) -> Batch:
    return ready[0].batch if len(ready) == 1 else Batch.joined(one.batch for one in ready)


def _not_stored(one: Ready, answer: Answer) -> Answer:
    """503 for what had rows to store or a key to claim; the rest was answered by its faults."""
    return unavailable(one.request) if len(one.batch) or one.claim else answer


def _count(one: Ready, repeat: Answer | None) -> None:
    face, key_id, batch = one.request.face, one.key_id, one.batch
    if repeat is not None:
        tally.counted(face, key_id)
        if repeat.status == errors.CONFLICT:
            tally.refused(face, key_id, "409 Idempotency-Key", "The key came with another body.")
        return
    rejected = len(one.rejections)
    tally.counted(face, key_id, stored=len(batch), rejected=rejected, newest=batch.newest)
    tally.seen(batch.emitters, timezone.now())
    for rejection in one.rejections:
        tally.refused(face, key_id, rejection.field, f"{rejection.problem} {rejection.fix}")


def too_large(request: Incoming, key_id: int | None = None) -> Answer:
    """413: more bytes than one request may have, packed or unpacked."""
    text = errors.TOO_LARGE.format(settings.INGEST_MAX_BYTES)
    return refuse(413, "(body)", text, request, key_id=key_id)


def too_many(request: Incoming, key_id: int, per_minute: int, seconds: int) -> Answer:
    """429: the key has sent more than its limit; it may come again in ``seconds``."""
    text = f"This API key may send {per_minute} rows a minute."
    fix = f"Send the same request again in {seconds} s. {errors.FIXES[errors.TOO_MANY]}"
    answer = refuse(errors.TOO_MANY, "(request)", text, request, fix, key_id=key_id)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def failed(request: Incoming) -> Answer:
    """500: a fault of the portal's, which is in its log."""
    return refuse(500, "(server)", "The portal failed.", request)


def not_allowed(request: Incoming) -> Answer:
    """405: an address that only takes POST."""
    answer = refuse(405, "(method)", "Only POST is taken here.", request)
    answer.headers["Allow"] = "POST"
    return answer


def unavailable(request: Incoming, seconds: int = errors.RETRY_AFTER_SECONDS) -> Answer:
    """503: whether the request is stored is not known, and it may be sent again."""
    answer = refuse(503, "(server)", errors.NOT_KNOWN, request, errors.AGAIN.format(seconds))
    answer.headers["Retry-After"] = str(seconds)
    return answer


def refuse(
    status: int,
    where: str,
    text: str,
    request: Incoming,
    fix: str = "",
    *,
    key_id: int | None = None,
) -> Answer:
    """An error in the form of the request's face; counted."""
    fix = fix or errors.FIXES[status]
    answer = FACES[request.face].refusal(status, where, text, fix, request)
    if status == errors.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="aiosmon"'
    tally.counted(request.face, key_id)
    tally.refused(request.face, key_id, f"{status} {where}", text)
    return answer
