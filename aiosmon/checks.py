"""Start-up checks that explain themselves (`manage.py check`, run by every command)."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

MAKE_RUN = "Run `make run`, which starts one, or set {name} (see docs/operations.md)."
LEAST_KEY_LENGTH = 32


@register
def stores_are_named(**_: Any) -> list[CheckMessage]:
    """Both stores need an address before anything can work."""
    found: list[CheckMessage] = []
    if not settings.DATABASE_URL:
        hint = MAKE_RUN.format(name="DATABASE_URL")
        found.append(checks.Warning("No PostgreSQL is named.", hint=hint, id="aiosmon.W001"))
    if not settings.REDIS_URL:
        hint = MAKE_RUN.format(name="REDIS_URL")
        found.append(checks.Warning("No Redis or Valkey is named.", hint=hint, id="aiosmon.W002"))
    elif not settings.REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        found.append(
            Error(
                "REDIS_URL must start with redis://, rediss:// or unix://.",
                hint="For example redis://:password@127.0.0.1:6379/0.",
                id="aiosmon.E002",
            )
        )
    return found


@register
def probes_name_their_hosts(**_: Any) -> list[CheckMessage]:
    """A wildcard would let whoever edits a probe reach every internal address."""
    if "*" not in settings.PROBE_ALLOWED_HOSTS:
        return []
    return [
        Error(
            "AIOSMON_PROBE_ALLOWED_HOSTS may not be '*'.",
            hint="List the hosts that probes may call, e.g. 'ai.example.org,.example.net'.",
            id="aiosmon.E003",
        )
    ]


@register
def the_dead_mans_switch_has_an_address(**_: Any) -> list[CheckMessage]:
    """A typing error would be noticed when it is too late."""
    if not settings.DEADMAN_URL or settings.DEADMAN_URL.startswith(("https://", "http://")):
        return []
    return [
        Error(
            "AIOSMON_DEADMAN_URL must start with https:// or http://.",
            hint="Write the whole address that is to be pinged, as the service shows it.",
            id="aiosmon.E005",
        )
    ]


@register
def the_key_is_long_enough(**_: Any) -> list[CheckMessage]:
    """Sessions and signed links are as strong as this key."""
    try:
        length = len(settings.SECRET_KEY)
    except ImproperlyConfigured:
        # Django refuses to hand out an empty key. What needs none, as makemigrations, may go on.
        hint = "Run `make run`, which makes one, or set it to at least 50 random characters."
        return [checks.Warning("AIOSMON_SECRET_KEY is not set.", hint=hint, id="aiosmon.W003")]
    if length >= LEAST_KEY_LENGTH:
        return []
    return [
        Error(
            f"AIOSMON_SECRET_KEY has {length} characters, fewer than {LEAST_KEY_LENGTH}: "
            "it could be guessed, and sign-ins forged.",
            hint="Set it to at least 50 random characters; everyone has to sign in again.",
            id="aiosmon.E004",
        )
    ]
