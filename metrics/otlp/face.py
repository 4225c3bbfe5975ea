"""What the three OTLP addresses have in common: bodies, answers, errors, partial success.

Source: OTLP specification 1.x, "OTLP/HTTP". An answer has the content type of
its request; errors are google.rpc.Status; what was refused of a good request
is told as a partial success, which exporters log and do not send again.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from accounts.models import ApiKey
from metrics.ingest import tally
from metrics.ingest.faces import Answer, Face, Incoming, Ready, Unacceptable
from metrics.ingest.schema import Rejection, Row
from metrics.ingest.validate import Limits, prepare
from metrics.otlp import wire

MAX_NAMED = 3
# google.rpc.Code
_CODES = {400: 3, 401: 16, 403: 7, 405: 12, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}
_OK, _BAD_REQUEST, _TOO_LARGE = 200, 400, 413


@dataclass
class Found:
    """What a request held: rows with their place in it, faults, and what has no meaning here."""

    rows: list[tuple[int, Row]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    left_out: dict[str, "LeftOut"] = field(default_factory=dict)  # by reason

    def leave_out(self, reason: str, example: str) -> None:
        """Count something that no name or rule gives a meaning."""
        known = self.left_out.setdefault(reason, LeftOut(example))
        known.count += 1


@dataclass
class LeftOut:
    """How often, and one of them."""

    example: str
    count: int = 0


class OtlpFace(Face):
    """An address of OTLP/HTTP. It answers everything itself, errors included."""

    content_types = frozenset({wire.PROTOBUF, wire.JSON})
    whole = True
    request_type: ClassVar[type[Message]]
    response_type: ClassVar[type[Message]]
    rejected_field: ClassVar[str]  # of the response's partial_success

    def take(self, key: ApiKey, plain: bytes, request: Incoming) -> Ready | Answer:
        """Rows to store of the message. Raises Unacceptable for a body that is none."""
        if request.content_type not in self.content_types:
            text = f"Content-Type “{request.content_type}” is not known."
            raise Unacceptable(415, "Content-Type", text, FIX_TYPE)
        try:
            message = wire.decode(plain, request.content_type, self.request_type)
        except wire.MalformedOtlp as error:
            fix = "Don't send it again."
            raise Unacceptable(_BAD_REQUEST, "(body)", str(error), fix) from error
        if (count := self.count(message)) > settings.INGEST_MAX_ROWS:
            text = f"{count} records in one request; send at most {settings.INGEST_MAX_ROWS}."
            fix = "Make the exporter's batches smaller."
            raise Unacceptable(_TOO_LARGE, "(body)", text, fix)
        return self.stored_of(key, message, request)

    def stored_of(self, key: ApiKey, message: Any, request: Incoming) -> Ready | Answer:
        """Rows that are stored together with other requests'."""
        found = self.find(message)
        self.count_left_out(key, found)
        batch, refused = prepare(found.rows, key.client_id, Limits.at(timezone.now()))
        return Ready(batch, found.rejections + refused, request, key.pk)

    def stored(self, ready: Ready) -> Answer:
        """200, with what was refused as a partial success."""
        return self.answer(ready.request, ready.rejections)

    def answer(self, request: Incoming, rejections: Sequence[Rejection]) -> Answer:
        """200 in the request's content type."""
        response: Any = self.response_type()
        if rejections:
            setattr(response.partial_success, self.rejected_field, len(rejections))
            response.partial_success.error_message = told(rejections)
        return _answer(_OK, response, request)

    def count_left_out(self, key: ApiKey, found: Found) -> None:
        """Let the health page show what has no meaning here."""
        for reason, left_out in found.left_out.items():
            tally.refused(self.name, key.pk, reason, left_out.example, left_out.count)

    def refusal(self, status: int, where: str, text: str, fix: str, request: Incoming) -> Answer:
        """An error as google.rpc.Status."""
        message = f"{where}: {text} {fix}"
        return _answer(status, Status(code=_CODES.get(status, 2), message=message), request)

    @abstractmethod
    def count(self, message: Any) -> int:
        """How many records the message holds."""

    @abstractmethod
    def find(self, message: Any) -> Found:
        """The message's records as rows."""


FIX_TYPE = f"Send {wire.PROTOBUF} or {wire.JSON}."


def told(rejections: Sequence[Rejection]) -> str:
    """The first few refusals in words."""
    named = [
        f"record {one.index}, {one.field}: {one.problem} {one.fix}"
        for one in rejections[:MAX_NAMED]
    ]
    more = len(rejections) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _answer(status: int, message: Message, request: Incoming) -> Answer:
    kind = wire.PROTOBUF if request.content_type == wire.PROTOBUF else wire.JSON
    return Answer(status, wire.encode(message, kind), {"Content-Type": kind})
