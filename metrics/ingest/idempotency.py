"""``Idempotency-Key``: a request that is sent again gets the first answer and stores nothing.

The key is claimed in the transaction that stores the rows, so both are there or
neither. Who comes second waits for the first's commit, in the unique index.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from metrics.ingest.faces import Answer, Claim, Incoming
from metrics.models import IdempotencyKey

HEADER = b"idempotency-key"
_FORM = re.compile(rb"[\x20-\x7e]{1,255}")

_CLAIM = """
INSERT INTO idempotency_keys (api_key_id, face, key, body_hash, status, answer, created_at)
SELECT k.*, statement_timestamp() FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::smallint[], %s::bytea[]) AS k
ON CONFLICT (api_key_id, face, key) DO UPDATE SET
    body_hash = excluded.body_hash, status = excluded.status, answer = excluded.answer,
    created_at = excluded.created_at
WHERE idempotency_keys.created_at < statement_timestamp() - make_interval(hours => %s)
RETURNING api_key_id, face, key
"""
_KNOWN = """
SELECT api_key_id, face, key, body_hash, status, answer
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS k (api_key_id, face, key)
JOIN idempotency_keys USING (api_key_id, face, key)
"""

Name = tuple[int, str, str]


class BadKey(Exception):
    """The header's value can't be a key."""


@dataclass(frozen=True)
class _Known:
    body_hash: bytes
    answer: Answer


def claim_of(api_key_id: int, plain: bytes, request: Incoming) -> Claim | None:
    """What the request claims; None without the header. Raises BadKey."""
    value = request.headers.get(HEADER)
    if value is None:
        return None
    if not _FORM.fullmatch(value):
        raise BadKey("It must be 1–255 printable ASCII characters.")
    body_hash = hashlib.sha256(request.content_type.encode() + b"\0" + plain).digest()
    return Claim(api_key_id, request.face, value.decode("ascii"), body_hash)


def settle(claims: Sequence[tuple[Claim, Answer]]) -> list[Answer | None]:
    """Claim each key with the answer that it is to have, within the caller's transaction.

    None for a claim that succeeded: its rows are to be stored. An Answer for one
    that was made before (the first's again, or 409 for another body): its rows are not.
    """
    firsts: dict[Name, tuple[Claim, Answer]] = {}
    for claim, answer in claims:
        firsts.setdefault(_name(claim), (claim, answer))
    # In one order everywhere, or two groups could wait for each other's keys.
    won = _insert([firsts[name] for name in sorted(firsts)])
    # Lost to another transaction, or to an earlier request of this very group.
    lost = {_name(claim) for claim, _ in claims if not _has_won(claim, firsts, won)}
    known = _known(sorted(lost))
    return [
        None if _has_won(claim, firsts, won) else _repeated(claim, known[_name(claim)])
        for claim, _ in claims
    ]


def forget_old(now: datetime) -> int:
    """Delete keys past their hours; return how many."""
    oldest = now - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    return IdempotencyKey.objects.filter(created_at__lt=oldest).delete()[0]


def _has_won(claim: Claim, firsts: dict[Name, tuple[Claim, Answer]], won: set[Name]) -> bool:
    name = _name(claim)
    return name in won and firsts[name][0] is claim


def _insert(claims: Sequence[tuple[Claim, Answer]]) -> set[Name]:
    rows = [
        (*_name(claim), claim.body_hash, answer.status, answer.encoded())
        for claim, answer in claims
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [*map(list, zip(*rows, strict=True)), settings.IDEMPOTENCY_HOURS])
        return set(cursor.fetchall())


def _known(names: Sequence[Name]) -> dict[Name, _Known]:
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [list(column) for column in zip(*names, strict=True)])
        return {
            (row[0], row[1], row[2]): _Known(
                bytes(row[3]), Answer(row[4], bytes(row[5]), {"Idempotent-Replay": "true"})
            )
            for row in cursor.fetchall()
        }


def _repeated(claim: Claim, known: _Known) -> Answer:
    if known.body_hash == claim.body_hash:
        return known.answer
    return Answer(409, CONFLICT)


def _name(claim: Claim) -> Name:
    return claim.api_key_id, claim.face, claim.key


CONFLICT = {
    "error": {
        "field": "Idempotency-Key",
        "problem": "This key came with another body before.",
        "fix": "Send a new key with a new body; the same key only to repeat the same body.",
    }
}
