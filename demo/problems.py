"""Reading request bodies: bounded, checked field by field, refused in a clear way."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

MAX_BODY_BYTES = 1024 * 1024


class Problem(Exception):
    """An answer other than 200: HTTP status, the field at fault, what is wrong, how to mend it."""

    def __init__(self, status: int, field: str | None, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.status = status
        self.body = {"error": {"field": field, "problem": problem, "fix": fix}}

    def response(self) -> JSONResponse:
        """The problem as the JSON body `{"error": {"field", "problem", "fix"}}`."""
        headers = {"Retry-After": "1"} if self.status == 503 else None
        return JSONResponse(self.body, status_code=self.status, headers=headers)


async def read_fields(request: Request, *, empty_ok: bool = False) -> "Fields":
    """The JSON object of the body; raises Problem 413 over 1 MiB and 400 if it is no object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            fix = f"Send at most {MAX_BODY_BYTES} bytes."
            raise Problem(413, None, "The body is larger than 1 MiB.", fix)
    if not body and empty_ok:
        return Fields({})
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, None, "The body is not JSON.", "Send a JSON object.") from None
    if not isinstance(data, dict):
        raise Problem(400, None, "The body is not a JSON object.", "Send a JSON object.")
    return Fields(data)


class Fields:
    """Typed reads from a JSON object. Each raises Problem 400 that names the field and the fix."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def refuse_others(self, *known: str) -> None:
        """Refuse fields not named, where a misspelt one would silently do nothing."""
        for name in self._data:
            if name not in known:
                raise Problem(400, name, "Unknown field.", f"Known fields: {', '.join(known)}.")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def text(self, name: str, *, longest: int) -> str:
        """A required string that is not blank and has at most `longest` characters."""
        value = self._data.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            fix = f"Send a string of 1 to {longest} characters."
            raise Problem(400, name, "Missing, blank, too long or not a string.", fix)
        return value

    def optional_text(self, name: str, *, longest: int) -> str | None:
        """As `text`, or None when the field is missing or null."""
        return self.text(name, longest=longest) if self.has(name) else None

    def texts(self, name: str, *, most: int, longest: int) -> list[str]:
        """A required list of 1 to `most` strings of at most `longest` characters each."""
        value = self._data.get(name)
        fix = f"Send a list of 1 to {most} strings of 1 to {longest} characters."
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise Problem(400, name, "Not a list, empty or too long.", fix)
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip() or len(item) > longest:
                raise Problem(400, f"{name}[{index}]", "Blank, too long or not a string.", fix)
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """A required string that is one of `choices`."""
        value = self._data.get(name)
        if value not in choices or not isinstance(value, str):
            raise Problem(400, name, f"Not a known {name}.", f"Send one of: {', '.join(choices)}.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean, or the default when missing or null."""
        value = self._data.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise Problem(400, name, "Not a boolean.", "Send true or false.")
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        """An integer from `low` to `high`, or None when missing or null."""
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            fix = f"Send an integer from {low} to {high}."
            raise Problem(400, name, "Not an integer in range.", fix)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number from `low` to `high`, or None when missing or null."""
        value = self._data.get(name)
        if value is None:
            return None
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            fix = f"Send a number from {low:g} to {high:g}."
            raise Problem(400, name, "Not a number in range.", fix)
        return float(value)
