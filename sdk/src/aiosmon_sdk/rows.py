"""From a call to the JSON that the portal takes.

The portal refuses a row for one bad field. So what is too long is clipped, an
optional field that can't be right is left out, and only a row without a
usable name, category, unit or value is given up: all counted, nothing raised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from json.encoder import encode_basestring
from typing import Any

from aiosmon_sdk.call import Call
from aiosmon_sdk.options import Options

CATEGORIES = frozenset(
    ("ai_query", "ml_inference", "user_feedback", "system_health", "user_interface")
)
COMPLEXITIES = frozenset(("simple", "moderate", "complex"))
MOST_METADATA_BYTES = 32 * 1024
MOST_MODELS = 20
FARTHEST_VALUE = 1e100
_REMEMBERED = 4096
_DEEPEST = 20

as_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, skipkeys=True, separators=(",", ":"), default=str
).encode

Head = tuple[Any, ...]


class Unfit(Exception):
    """This row can't be mended; the text says why."""


class Encoder:
    """Encodes calls for one client; ``clipped`` counts the fields it had to mend or leave out."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._heads: dict[Head, str] = {}
        self._outcomes: dict[Head, str] = {}
        self._second, self._second_text = 0, "1970-01-01T00:00:00"
        self.clipped = 0

    def encode(self, call: Call, event_id: str | None) -> str:
        """The call as a JSON object. Raises Unfit when it can't become a row."""
        value = (call.ended - call.started) * 1000 if call.value is None else call.value
        parts = [self._head(call), f'"metric_value":{_number(value)!r}']
        parts.append(f'"timestamp":"{self._timestamp(call)}"')
        parts.append('"success":true' if call.success else '"success":false')
        if event_id is not None:
            parts.append(f'"event_id":"{event_id}"')
        if call._request_id is not None:  # noqa: SLF001  # the property would make one up
            parts.append(f'"request_id":{self._string(call.request_id, 100)}')
        if call.models:
            parts.append(f'"ml_models_used":{self._models(call.models)}')
        if call.satisfaction is not None:
            self._optional(parts, "user_satisfaction_score", _rating(call.satisfaction))
        if call.user_id is not None:
            self._optional(parts, "user_id", user_id(call.user_id))
        metadata = self._metadata(call)
        if metadata:
            parts.append(f'"metadata":{metadata}')
        return ",".join(parts) + "}"

    def _head(self, call: Call) -> str:
        """The fields that repeat from row to row, encoded and checked once."""
        key = (
            call.metric_name,
            call.category,
            call.unit,
            call.component,
            call.endpoint,
            call.client,
            call.complexity,
        )
        head = self._heads.get(key)
        if head is None:
            clipped = self.clipped
            head = self._make_head(call)
            # What was mended is looked at each time: its count must grow with each row.
            if clipped == self.clipped:
                if len(self._heads) >= _REMEMBERED:
                    self._heads = {}
                self._heads[key] = head
        return head

    def _make_head(self, call: Call) -> str:
        if call.category not in CATEGORIES:
            raise Unfit(f"metric_category {call.category!r} is unknown")
        options = self._options
        fields = {
            "metric_name": self._required(call.metric_name, "metric_name", 100),
            "metric_category": f'"{call.category}"',
            "measurement_unit": self._required(call.unit, "measurement_unit", 20),
            "component": self._required(call.component or options.component, "component", 50),
            "service_name": self._required(options.service_name, "service_name", 50),
        }
        if call.endpoint is not None:
            fields["endpoint_path"] = self._string(call.endpoint, 255)
        client = call.client or options.client
        if client is not None:
            # A clipped code would be another client's: none is better.
            self._keep(fields, "client", client, isinstance(client, str) and len(client) <= 50)
        if call.complexity is not None:
            fits = call.complexity in COMPLEXITIES
            self._keep(fields, "query_complexity", call.complexity, fits)
        return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items())

    def _keep(self, fields: dict[str, str], name: str, value: str, fits: bool) -> None:
        if fits:
            fields[name] = self._string(value, 100)
        else:
            self.clipped += 1

    def _optional(self, parts: list[str], name: str, value: float | None) -> None:
        if value is None:
            self.clipped += 1
        else:
            parts.append(f'"{name}":{value!r}')

    def _required(self, value: object, field: str, longest: int) -> str:
        if not isinstance(value, str) or not value:
            raise Unfit(f"{field} is {value!r}")
        return self._string(value, longest)

    def _string(self, value: object, longest: int) -> str:
        text = storable(value if isinstance(value, str) else str(value))
        if len(text) > longest or text != value:
            self.clipped += 1
        return encode_basestring(text[:longest])

    def _models(self, models: object) -> str:
        listed = [models] if isinstance(models, str) else list(models)  # type: ignore[call-overload]
        named = [self._string(name, 100) for name in listed[:MOST_MODELS] if name]
        self.clipped += len(listed) - len(named)
        return f"[{','.join(named)}]"

    def _timestamp(self, call: Call) -> str:
        """RFC 3339 in UTC; a time without a zone is taken as UTC."""
        at = call.timestamp
        if at is None:
            second, micros = divmod(int(call.started_at * 1_000_000), 1_000_000)
            if second != self._second:
                whole = datetime.fromtimestamp(second, timezone.utc).replace(tzinfo=None)
                self._second, self._second_text = second, whole.isoformat()
            return f"{self._second_text}.{micros:06d}Z"
        if not isinstance(at, datetime):
            raise Unfit(f"timestamp is {at!r:.50}")
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).isoformat()

    def _outcome(self, call: Call) -> str:
        """The metadata of a call that has none of its own; an ordinary end is encoded once."""
        if call.first is not None or call.error is not None or call.aborted:
            return as_json(_facts(call))
        if call.status is None:
            return ""
        key = (call.status, call.method)
        known = self._outcomes.get(key)
        if known is None:
            if len(self._outcomes) >= _REMEMBERED:
                self._outcomes = {}
            known = self._outcomes[key] = as_json(_facts(call))
        return known

    def _metadata(self, call: Call) -> str:
        if not call.metadata:
            return self._outcome(call)
        facts = _facts(call)
        try:
            text = as_json({**call.metadata, **facts})
            if "\\u0000" not in text and len(text.encode()) <= MOST_METADATA_BYTES:
                return text
        except (ValueError, TypeError, RecursionError, RuntimeError):
            # NaN, lone surrogates, keys that don't sort out, or a change meanwhile: look closely.
            pass
        self.clipped += 1
        text = as_json({**_clean(dict(call.metadata), 0), **facts})
        size = len(text.encode())
        if size <= MOST_METADATA_BYTES:
            return text
        return as_json({"metadata_left_out": f"{size} bytes", **facts})


def _facts(call: Call) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if call.status is not None:
        facts["http_status"] = call.status
        facts["http_method"] = call.method
    if call.first is not None:
        facts["ttfb_ms"] = round((call.first - call.started) * 1000, 3)
    if call.error is not None:
        facts["error"] = storable(str(call.error)[:1000])
    if call.aborted:
        facts["aborted"] = True
    return facts


def _number(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        raise Unfit(f"metric_value is {value!r:.50}") from None
    if not abs(number) <= FARTHEST_VALUE:
        raise Unfit(f"metric_value is {number}")
    return round(number, 6)


def _rating(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 1 <= number <= 5 else None


def user_id(value: object) -> int | None:
    """The id of a portal user; None for what can't be one."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31
    return int(value) if fits else None  # type: ignore[call-overload]


def storable(text: str) -> str:
    """Text that PostgreSQL and UTF-8 can hold: no NUL, no lone surrogate."""
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _clean(value: Any, depth: int) -> Any:
    """A copy that JSON can hold; what is nested too deeply becomes text."""
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {storable(str(key)): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item, depth + 1) for item in value]
    return storable(str(value))
