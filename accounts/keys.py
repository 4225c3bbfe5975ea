"""API keys: issue, check, rotate, revoke.

A key is ``aiosmon_<prefix>_<secret>``. The prefix finds the row by its unique
index; the secret has 256 random bits, so a plain SHA-256 protects it as well
as a slow password hash would, at a cost that an ingestion endpoint can bear.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, Client, User

SCHEME = "aiosmon"
# Writing "last used" at each request would make every reader a writer.
LAST_USED_STEP = timedelta(minutes=1)


class InvalidKey(Exception):
    """The key can't be used; the message says why and what to do."""


class NotRotatable(Exception):
    """The key can't be rotated; the message says why and what to do."""


def issue(
    name: str,
    scopes: Sequence[str],
    *,
    client: Client | None = None,
    rows_per_minute: int | None = None,
    expires_at: datetime | None = None,
    acts_as: User | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key; return it with its full text, which can't be had again."""
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=list(scopes),
        client=client,
        rows_per_minute=rows_per_minute,
        expires_at=expires_at,
        acts_as=acts_as,
        created_by=created_by,
    )
    return key, f"{SCHEME}_{prefix}_{secret}"


def check(text: str) -> ApiKey:
    """The usable key that ``text`` is, its client loaded.

    Raises InvalidKey for text of another form, an unknown, revoked or expired
    key, or one whose client or person is inactive.
    """
    scheme, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != SCHEME or not prefix.isalnum() or not secret:
        raise InvalidKey("This is no AIOSMON API key: it has the form aiosmon_<prefix>_<secret>.")
    key = ApiKey.objects.select_related("client", "acts_as").filter(prefix=prefix).first()
    if key is None or not hmac.compare_digest(key.secret_hash, _hash(secret)):
        raise InvalidKey("Unknown API key. Ask an administrator for a new one.")
    now = timezone.now()
    if key.revoked_at is not None:
        raise InvalidKey(f"API key {prefix} was revoked on {key.revoked_at:%Y-%m-%d}.")
    if key.expires_at is not None and key.expires_at <= now:
        raise InvalidKey(f"API key {prefix} expired on {key.expires_at:%Y-%m-%d}.")
    if key.client is not None and not key.client.active:
        raise InvalidKey(f"The client of API key {prefix} is inactive.")
    if key.acts_as is not None and not key.acts_as.is_active:
        raise InvalidKey(f"The person in whose name API key {prefix} acts is inactive.")
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        _touch(key, now)
    return key


class KeyRing:
    """Keys that were checked a moment ago, for the process that asks at every request.

    So a revoked key may be used for up to LIFETIME_SECONDS more.
    """

    LIFETIME_SECONDS = 2.0
    MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, ApiKey]] = {}

    def check(self, text: str) -> ApiKey:
        """As ``check``; refusals are never kept. Safe across threads."""
        known = self._known.get(text)
        now = time.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        key = check(text)
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[text] = (now + self.LIFETIME_SECONDS, key)
        return key

    def forget(self) -> None:
        """Drop all (after the table changed under it, as in tests)."""
        self._known.clear()


ring = KeyRing()


def revoke(key: ApiKey) -> bool:
    """End the key now; False when it was revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))


def rotate(key: ApiKey, overlap: timedelta, created_by: User | None = None) -> tuple[ApiKey, str]:
    """Issue a key like ``key`` and let the old one end after ``overlap``; as ``issue``.

    A key that was to end sooner still does. If it was made to end, its successor
    gets as long a life. Raises NotRotatable for a key that is revoked, expired or
    replaced: of several rotations at once, one wins.
    """
    with transaction.atomic():
        old = ApiKey.objects.select_for_update().get(pk=key.pk)
        now = timezone.now()
        if why := why_not_rotatable(old, now):
            raise NotRotatable(why)
        new, text = issue(
            old.name,
            old.scopes,
            client=old.client,
            rows_per_minute=old.rows_per_minute,
            expires_at=now + (old.expires_at - old.created_at) if old.expires_at else None,
            acts_as=old.acts_as,
            created_by=created_by,
        )
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
        old.replaced_by = new
        old.save(update_fields=["expires_at", "replaced_by"])
    return new, text


def why_not_rotatable(key: ApiKey, now: datetime) -> str:
    """PURE: what stands against rotating it, and what to do; empty: nothing."""
    if key.revoked_at is not None:
        return f"It was revoked on {key.revoked_at:%Y-%m-%d}. Make a new key."
    if key.replaced_by_id is not None:
        return "It was rotated before. Rotate its successor."
    if key.expires_at is not None and key.expires_at <= now:
        return f"It expired on {key.expires_at:%Y-%m-%d}. Make a new key."
    return ""


def _touch(key: ApiKey, now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_STEP)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
