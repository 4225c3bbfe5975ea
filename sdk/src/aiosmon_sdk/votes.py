"""People's ratings of answers, and their form on the wire."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from aiosmon_sdk.call import Call
from aiosmon_sdk.options import Options
from aiosmon_sdk.ordinary import Brief
from aiosmon_sdk.rows import Unfit, as_json, storable, user_id

THUMBS = frozenset(("up", "down"))
LONGEST_CORRECTION, LONGEST_COMMENT = 10_000, 2_000


class Vote(Call):
    """A rating of the answer to one request, given now unless ``submitted_at`` says when."""

    def __init__(self, request_id: str, rating: float | str, fields: dict[str, Any]) -> None:
        super().__init__("", "user_feedback", None)
        # Not Call's request_id, which makes one up where there is none.
        self.rated = request_id
        self.rating = rating
        self.fields = fields
        self.ended = time.perf_counter()


class VoteEncoder:
    """Encodes votes; ``clipped`` counts the fields it had to mend or leave out."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.clipped = 0

    def shortened(self, vote: Call) -> Call:
        """The vote: nothing of it repeats."""
        return vote

    def encode(self, vote: Call | Brief, event_id: str | None) -> str:
        """The vote as a JSON object. Raises Unfit when it can't become one."""
        if not isinstance(vote, Vote):
            raise Unfit("it is no vote")
        given = vote.fields
        fields = {
            "request_id": _request_id(vote.rated),
            **_rating(vote.rating),
            "submitted_at": _time(given["submitted_at"], vote.started_at),
            "correction": self._text(given["correction"], LONGEST_CORRECTION),
            "comment": self._text(given["comment"], LONGEST_COMMENT),
            "user_id": self._fitting(given["user_id"], user_id(given["user_id"])),
            "client": self._fitting(given["client"], _code(given["client"])),
            "event_id": event_id,
        }
        return as_json({name: value for name, value in fields.items() if value is not None})

    def _text(self, value: object, longest: int) -> str | None:
        if value is None:
            return None
        text = storable(str(value))[:longest]
        self.clipped += text != value
        return text

    def _fitting(self, given: object, kept: Any) -> Any:
        self.clipped += given != kept
        return kept


def _request_id(value: object) -> str:
    text = storable(value) if isinstance(value, str) else ""
    # A clipped one would be another request's.
    if not 1 <= len(text) <= 100:
        raise Unfit(f"request_id of a vote is {value!r:.50}")
    return text


def _rating(rating: object) -> dict[str, Any]:
    if isinstance(rating, str) and rating in THUMBS:
        return {"thumbs": rating}
    is_number = isinstance(rating, (int, float)) and not isinstance(rating, bool)
    if is_number and 1 <= rating <= 5:  # type: ignore[operator]  # it is a number
        return {"rating": rating}
    raise Unfit(f"rating is {rating!r:.50}, not 1 to 5, up or down")


def _time(at: object, otherwise: float) -> str:
    if at is None:
        return datetime.fromtimestamp(otherwise, timezone.utc).isoformat()
    if not isinstance(at, datetime):
        raise Unfit(f"submitted_at is {at!r:.50}")
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).isoformat()


def _code(client: object) -> str | None:
    return client if isinstance(client, str) and 1 <= len(client) <= 50 else None
