"""What every kind of channel has: a check of its URL, and a way to send."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alerts.delivery.messages import Message
from alerts.delivery.sealing import Secrets

ANSWER_LENGTH = 500
# Shorter than this a part of a URL is hardly a secret, and striking it out garbles every answer.
SECRET_LENGTH = 6


@dataclass(frozen=True)
class Parcel:
    """A message on its way to one channel: what the kinds need to send it."""

    message: Message
    secrets: Secrets
    key: str
    event_id: int | None
    recipient: str
    receiver: str
    timeout: float


@dataclass(frozen=True)
class Answer:
    """What the channel said."""

    ok: bool
    text: str
    # The channel would say the same again: a wrong token, a message that it can't take.
    permanent: bool = False
    # Seconds after which it wants to be asked again.
    retry_after: float | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of channel."""

    # Raises ValueError, which says what to write, for secrets that can't work.
    check: Callable[[Secrets, bool], None]
    # Raises nothing of its own making but targets.Refused; whatever else is raised is a failure.
    send: Callable[[Parcel], Answer]


def struck_out(text: str, secrets: Iterable[str]) -> str:
    """The text as it may be kept and shown: without what is secret, and not too long."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, "…")
    text = " ".join(text.split()).replace("\x00", "")
    return text if len(text) <= ANSWER_LENGTH else f"{text[: ANSWER_LENGTH - 1]}…"
