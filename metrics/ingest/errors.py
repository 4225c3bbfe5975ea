"""Errors of the REST API, all of one shape: ``{"error": {field, problem, fix}}``."""

from typing import Any

from django.db import InterfaceError, OperationalError
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler
from rest_framework.views import set_rollback

RETRY_AFTER_SECONDS = 5
UNAUTHORIZED, CONFLICT, TOO_MANY, FAILED, UNAVAILABLE = 401, 409, 429, 500, 503
NOT_KNOWN = "The portal can't say that it has stored this."
AGAIN = "Send the same request again in {} s; rows with an event_id are stored once."
TOO_LARGE = "The body is larger than {} bytes."
FIXES = {
    401: "Send the header “Authorization: Bearer aiosmon_…” with a valid API key.",
    403: "Use a key with this scope, or ask an administrator to add it.",
    405: "See the API documentation for the methods of this address.",
    413: "Send fewer rows in one request.",
    415: "Send application/json or application/x-ndjson, plain, in gzip or in zstd.",
    429: "Send less, or ask an administrator for a higher limit.",
    500: "Report this.",
}
OTHER_FIX = "See the API documentation."


class TooLarge(exceptions.APIException):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


def problem(field: str, text: str, fix: str) -> dict[str, dict[str, str]]:
    """The body of an error answer."""
    return {"error": {"field": field, "problem": text, "fix": fix}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, plus 503 with Retry-After while the database can't be reached.

    A 500 would tell a client that its data is at fault, and exporters drop
    what a 500 answers; a 503 is retried.
    """
    if isinstance(error, (OperationalError, InterfaceError)):
        set_rollback()
        body = problem(
            "(server)",
            "The database can't be reached right now.",
            f"Send the same request again in {RETRY_AFTER_SECONDS} s.",
        )
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return Response(body, status=status.HTTP_503_SERVICE_UNAVAILABLE, headers=headers)
    response = drf_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        field, text = _fault(error)
        response.data = problem(field, text, FIXES.get(error.status_code, OTHER_FIX))
    return response


def _fault(error: exceptions.APIException) -> tuple[str, str]:
    """The first field at fault, where the error names any, and what is wrong."""
    field, detail = _field(error), error.detail
    if isinstance(detail, dict) and detail:
        field, detail = next(iter(detail.items()))
    while isinstance(detail, list) and detail:
        detail = detail[0]
    return field, str(detail)


def _field(error: exceptions.APIException) -> str:
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return "Authorization"
    return {405: "(method)", 415: "Content-Type"}.get(error.status_code, "(request)")
