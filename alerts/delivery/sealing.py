"""A channel's URL and keys, encrypted at rest and read by nothing but the sending itself.

The keys are derived from AIOSMON_CHANNEL_KEY, where several with commas between
them rotate: the first encrypts, all decrypt. Without it, and for what was sealed
before it was set, from AIOSMON_SECRET_KEY.
"""

import base64
import json
from dataclasses import asdict, dataclass, fields
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from alerts.models import Channel


class Unsealable(Exception):
    """What a channel keeps can't be read with the keys at hand; says what to do."""


@dataclass(frozen=True)
class Secrets:
    """What a channel keeps to itself; empty: it has none."""

    url: str = ""
    signing_key: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Nothing of it: logs and error pages print locals."""
        return "Secrets(…)"


def seal(secrets: Secrets) -> str:
    """Encrypted, with the time, under the newest key."""
    return _fernet().encrypt(json.dumps(asdict(secrets)).encode()).decode()


def unseal(channel: Channel) -> Secrets:
    """What the channel keeps; nothing for one that was never given any. Raises Unsealable."""
    if not channel.sealed:
        return Secrets()
    try:
        found = json.loads(_fernet().decrypt(channel.sealed.encode()))
    except InvalidToken:
        raise Unsealable(
            f"The URL of “{channel}” was encrypted with another key. Set AIOSMON_CHANNEL_KEY to "
            "that key (a comma, then the old one), or enter the URL again."
        ) from None
    return Secrets(**{field.name: str(found.get(field.name, "")) for field in fields(Secrets)})


def reseal(channel: Channel) -> str:
    """The same under the newest key. Raises Unsealable."""
    return seal(unseal(channel))


def _fernet() -> MultiFernet:
    own: list[str] = settings.CHANNEL_KEYS
    return _fernets((*own, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _fernets(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([_derived(key) for key in keys])


def _derived(key: str) -> Fernet:
    # The secret key signs sessions too: what is derived for this use can't be confused with it.
    kdf = HKDF(SHA256(), 32, salt=None, info=b"aiosmon channels v1")
    return Fernet(base64.urlsafe_b64encode(kdf.derive(key.encode())))
