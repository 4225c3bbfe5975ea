"""What every way in has in common: a request, what can be stored of it, an answer.

A face is an address with its own form of body, answer and error. The core
(ingest.service) checks the key, unpacks, commits and counts for all of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from accounts.models import ApiKey
from metrics.ingest import errors
from metrics.ingest.schema import Rejection
from metrics.ingest.store import Batch


@dataclass(frozen=True)
class Incoming:
    """A request as it came: the key's text, which nobody has checked yet, and the body."""

    key: str
    body: bytes
    encoding: str = ""  # its Content-Encoding, in lower case
    content_type: str = "application/json"  # without parameters, in lower case
    face: str = "rest"  # the name of a registered face
    headers: Mapping[bytes, bytes] = field(default_factory=dict)  # names in lower case


@dataclass(frozen=True)
class Answer:
    """Status, content (bytes go out as they are, the rest as JSON) and further headers."""

    status: int
    content: dict[str, Any] | bytes
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0  # what the request counts as against its key's limit

    def encoded(self) -> bytes:
        """The body as it goes out."""
        return (
            self.content if isinstance(self.content, bytes) else msgspec.json.encode(self.content)
        )


@dataclass(frozen=True)
class Claim:
    """An Idempotency-Key, with the hash of what was sent under it."""

    api_key_id: int
    face: str
    key: str
    body_hash: bytes


@dataclass(frozen=True)
class Ready:
    """What of a request can be stored together with others', and why the rest can't."""

    batch: Batch
    rejections: list[Rejection]
    request: Incoming
    key_id: int
    claim: Claim | None = None


@dataclass(frozen=True)
class Deferred:
    """What a face stores by itself, together with its other requests' (Face.settle)."""

    content: Any
    request: Incoming
    key_id: int
    rows: int  # what it counts as against its key's limit


class Unacceptable(Exception):
    """A request that can't be taken as a whole: status, where, problem, fix."""

    def __init__(self, status: int, where: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.status, self.where, self.problem, self.fix = status, where, problem, fix


class Face(ABC):
    """One address of ingestion. Stateless: one object serves every thread."""

    name: str
    path: str
    content_types: frozenset[str]
    # Whether it answers everything at its address, so that Django never sees a request.
    whole = False
    # Whether what it stores takes one lock: then one group after another is, the larger for it.
    in_turn = False
    # What a key must be allowed.
    scope: str = ApiKey.Scope.INGEST

    @abstractmethod
    def take(self, key: ApiKey, plain: bytes, request: Incoming) -> Ready | Deferred | Answer:
        """Decode an unpacked body: Ready or Deferred to be stored with others, or an Answer.

        A face that needs a transaction of its own makes it here and answers; what
        it stored it counts itself. Raises Unacceptable; and may raise
        django.db.OperationalError or InterfaceError: that becomes a 503.
        """

    @abstractmethod
    def stored(self, ready: Ready) -> Answer:
        """The answer once ``ready.batch`` is committed."""

    def settle(self, deferred: Sequence[Deferred]) -> list[Answer]:
        """Store what ``take`` deferred in one transaction; an answer each, true once it returns.

        May raise what ``take`` may; then nothing of it is stored.
        """
        raise NotImplementedError(f"{self.name} defers nothing.")

    def refusal(
        self,
        status: int,
        where: str,
        text: str,
        fix: str,
        request: Incoming,  # noqa: ARG002
    ) -> Answer:
        """An error in this face's form."""
        return Answer(status, errors.problem(where, text, fix))
