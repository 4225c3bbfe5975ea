"""``/api/v1/metrics/``: the REST face of ingestion, and a way to read rows back."""

from typing import IO, Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import ApiKey
from metrics.ingest.errors import TOO_LARGE, TooLarge
from metrics.ingest.faces import Incoming
from metrics.ingest.rest import Rest
from metrics.ingest.service import receive_with


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
            raise TooLarge(TOO_LARGE.format(settings.INGEST_MAX_BYTES))
        return body


class LinesBytesParser(JSONBytesParser):
    """JSON lines."""

    media_type = "application/x-ndjson"


class MoreLinesBytesParser(JSONBytesParser):
    """JSON lines, by their other name."""

    media_type = "application/jsonl"


class IngestView(APIView):
    """Django's way into a face of ingestion, for requests that the fast one leaves to it."""

    face = Rest.name
    parser_classes = [JSONBytesParser, LinesBytesParser, MoreLinesBytesParser]
    scopes = {"POST": ApiKey.Scope.INGEST}

    def post(self, request: Request) -> HttpResponse:
        """201: all stored. 207: some, the others named. 400: none.

        Stored means committed. Rejected rows carry index, field, problem and fix.
        """
        body = request.data if isinstance(request.data, bytes) else b""
        assert isinstance(request.auth, ApiKey)  # noqa: S101  # HasScope has seen to it
        answer = receive_with(request.auth, _incoming(self.face, request, body))
        # Past DRF's renderers: a face's answer may be bytes, a repeated one always is.
        headers = {"Content-Type": "application/json", **answer.headers}
        return HttpResponse(answer.encoded(), status=answer.status, headers=headers)


def _incoming(face: str, request: Request, body: bytes) -> Incoming:
    headers = {
        name.lower().encode(): value.encode("latin-1") for name, value in request.headers.items()
    }
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    content_type = (request.content_type or "").split(";")[0].strip().lower()
    return Incoming("", body, encoding, content_type, face, headers)
