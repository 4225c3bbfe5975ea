"""The errors that an operation can answer, all of one shape."""

from typing import Any

from metrics.ingest.errors import FIXES, OTHER_FIX, problem

Schema = dict[str, Any]
JSON = "application/json"

SCHEMAS: Schema = {
    "Error": {
        "type": "object",
        "description": "Why a request was refused.",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["field", "problem", "fix"],
                "additionalProperties": False,
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "A field, parameter or header; in parentheses what is none.",
                    },
                    "problem": {"type": "string", "description": "What is wrong with it."},
                    "fix": {"type": "string", "description": "How to mend it."},
                },
            }
        },
    }
}
RETRY_AFTER: Schema = {
    "description": "Seconds to wait before the same request is sent again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
# status: (name, description, field and problem of the example)
_KINDS: dict[int, tuple[str, str, str, str]] = {
    400: (
        "BadRequest",
        "The request, or one of its parameters, is not what this address takes.",
        "metric",
        "Unknown parameter metric; known: client, component, ….",
    ),
    401: (
        "Unauthorized",
        "The API key is missing, unknown, revoked or expired.",
        "Authorization",
        "Authentication credentials were not provided.",
    ),
    403: (
        "Forbidden",
        "The key may not do this.",
        "(request)",
        "This API key lacks the scope “read”.",
    ),
    404: ("NotFound", "There is no such thing, or no such cursor.", "(request)", "Invalid cursor"),
    405: (
        "MethodNotAllowed",
        "This address has no such method; the header Allow names those it has.",
        "(method)",
        'Method "DELETE" not allowed.',
    ),
    406: (
        "NotAcceptable",
        "The Accept header leaves no form that this address answers in.",
        "(request)",
        "Could not satisfy the request Accept header.",
    ),
    409: (
        "Conflict",
        "The Idempotency-Key came before, with another body.",
        "Idempotency-Key",
        "The key was sent before with another body.",
    ),
    413: (
        "TooLarge",
        "The body is too large, packed or unpacked.",
        "(body)",
        "The body is larger than 8388608 bytes.",
    ),
    415: (
        "UnsupportedMediaType",
        "The Content-Type or the Content-Encoding is not one of those listed.",
        "Content-Type",
        'Unsupported media type "text/csv" in request.',
    ),
    429: (
        "TooManyRows",
        "The key has sent more rows than it may in a minute.",
        "(request)",
        "This API key may send 1000 rows a minute.",
    ),
    500: (
        "Fault",
        "A fault of the portal's; nothing of this request is stored.",
        "(server)",
        "The portal failed to store this.",
    ),
    503: (
        "Unavailable",
        "The database can't be reached, or the portal is too busy: send the same again.",
        "(server)",
        "The database can't be reached right now.",
    ),
}
_WAIT = frozenset({429, 503})
_EVERYWHERE = frozenset({401, 403, 503})
_INGESTING = frozenset({400, 409, 413, 415, 429, 500})


def _response(status: int) -> Schema:
    _, description, field, text = _KINDS[status]
    example = problem(field, text, FIXES.get(status, OTHER_FIX))
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}
    response: Schema = {"description": description, "content": {JSON: content}}
    if status in _WAIT:
        response["headers"] = {"Retry-After": RETRY_AFTER}
    return response


RESPONSES: Schema = {kind[0]: _response(status) for status, kind in _KINDS.items()}


def reference(status: int) -> Schema:
    """The shared description of an error."""
    return {"$ref": f"#/components/responses/{_KINDS[status][0]}"}


def add(path: str, method: str, operation: Schema, *, ingests: bool) -> None:
    """Add to an operation the errors it can answer and does not describe itself."""
    if not operation.get("summary"):
        operation["summary"] = operation.get("description", "").split("\n")[0].rstrip(".")
    for status in sorted(_possible(path, method, operation, ingests)):
        operation["responses"].setdefault(str(status), reference(status))
    for response in operation["responses"].values():
        # Required, and drf-spectacular knows nothing to say.
        if response.get("description") == "":
            response["description"] = "As asked for."


def _possible(path: str, method: str, operation: Schema, ingests: bool) -> set[int]:
    statuses = set(_EVERYWHERE)
    names = {parameter.get("name") for parameter in operation.get("parameters", [])}
    if method == "get":
        statuses |= {406} | ({400} if names else set())
    else:
        statuses |= _INGESTING if ingests else {400, 406, 415}
    if "{" in path or "cursor" in names:
        statuses.add(404)
    return statuses
