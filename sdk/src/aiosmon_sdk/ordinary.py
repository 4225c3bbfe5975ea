"""What an ordinary call comes down to: most requests differ in two numbers and an id."""

from __future__ import annotations

from typing import Any, Optional

from aiosmon_sdk.call import Call

#: What the text that repeats from row to row is made of.
Frame = tuple[Any, ...]
#: What is kept of an ordinary call: when it ended and that text; duration in s, start in s since
#: 1970, request_id.
Brief = tuple[float, str, float, float, Optional[str]]


def names_of(call: Call) -> Frame:
    """The names under which it is measured, and whose it is."""
    return (
        call.metric_name,
        call.category,
        call.unit,
        call.component,
        call.endpoint,
        call.client,
        call.complexity,
    )


def ordinary_end(call: Call) -> Frame | None:
    """What the row's repeating text depends on; None for a call with something of its own to say.

    An ordinary one has no field but those of each request, and metadata of its end alone.
    """
    if (
        call.metadata
        or call.models
        or call.first is not None
        or call.error is not None
        or call.satisfaction is not None
        or call.user_id is not None
        or call.aborted
        or call.timestamp is not None
    ):
        return None
    # names_of() written out: this runs in the service's requests.
    return (
        call.metric_name,
        call.category,
        call.unit,
        call.component,
        call.endpoint,
        call.client,
        call.complexity,
        call.success,
        call.status,
        call.method,
    )
