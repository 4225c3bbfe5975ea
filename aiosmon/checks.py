"""Start-up checks that explain themselves (`manage.py check`, run by every command)."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

MAKE_RUN = "Run `make run`, which starts one, or set {name} (see docs/operations.md)."


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


@register(deploy=True)
def the_key_is_long_enough(**_: Any) -> list[CheckMessage]:
    """Sessions and signed links are as strong as this key."""
    if len(settings.SECRET_KEY) >= 32:
        return []
    return [
        Error(
            "AIOSMON_SECRET_KEY is missing or short.",
            hint="Set it to at least 50 random characters.",
            id="aiosmon.E004",
        )
    ]
