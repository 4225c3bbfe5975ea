"""``/api/v1/metrics/``: the REST face of ingestion, and a way to read rows back."""

from typing import IO, Any

import msgspec
from django.conf import settings
from django.utils import timezone
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from metrics.ingest import schema
from metrics.ingest.errors import TooLarge, problem
from metrics.ingest.store import commit
from metrics.ingest.validate import Limits, prepare

# An answer that lists ten thousand rejections helps nobody.
MAX_REJECTIONS_LISTED = 100


class JSONBytesParser(BaseParser):
    """Hands the JSON body on undecoded, up to the limit: msgspec decodes it once."""

    media_type = "application/json"

    def parse(  # type: ignore[override]  # DRF itself takes whatever a parser returns
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002
        parser_context: Any = None,  # noqa: ARG002
    ) -> bytes:
        """The body. Raises TooLarge past INGEST_MAX_BYTES, having read no more than that."""
        body = stream.read(settings.INGEST_MAX_BYTES + 1)
        if len(body) > settings.INGEST_MAX_BYTES:
            raise TooLarge(f"The body is larger than {settings.INGEST_MAX_BYTES} bytes.")
        return body


class IngestView(APIView):
    """Takes one metric row or a list of them."""

    parser_classes = [JSONBytesParser]
    scopes = {"POST": ApiKey.Scope.INGEST}

    def post(self, request: Request) -> Response:
        """201: all stored. 207: some, the others named. 400: none.

        Stored means committed. Rejected rows carry index, field, problem and fix.
        """
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            decoded, unfit = schema.decode(body, settings.INGEST_MAX_ROWS)
        except schema.MalformedBody as error:
            text = problem("(body)", str(error), "Send one JSON object or a list of them.")
            return Response(text, status=status.HTTP_400_BAD_REQUEST)
        assert isinstance(request.auth, ApiKey)  # noqa: S101  # HasScope has seen to it
        batch, refused = prepare(decoded, request.auth.client_id, Limits.at(timezone.now()))
        commit(batch)
        stored = len(batch)
        rejections = sorted(unfit + refused, key=lambda rejection: rejection.index)
        return Response(_answer(stored, rejections), status=_status(stored, rejections))


def _answer(stored: int, rejections: list[schema.Rejection]) -> dict[str, Any]:
    listed = [msgspec.to_builtins(rejection) for rejection in rejections[:MAX_REJECTIONS_LISTED]]
    return {"stored": stored, "rejected": len(rejections), "rejections": listed}


def _status(stored: int, rejections: list[schema.Rejection]) -> int:
    if not rejections:
        return status.HTTP_201_CREATED
    return status.HTTP_207_MULTI_STATUS if stored else status.HTTP_400_BAD_REQUEST
