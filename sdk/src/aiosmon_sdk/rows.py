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
from aiosmon_sdk.ordinary import Brief, Frame, names_of, ordinary_end

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


class Unfit(Exception):
    """This row can't be mended; the text says why."""


class Encoder:
    """Encodes calls for one client; ``clipped`` counts the fields it had to mend or leave out."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._frames: dict[Frame, str] = {}
        self._second, self._second_text = 0, "1970-01-01T00:00:00."
        self.clipped = 0

    def shortened(self, call: Call) -> Call | Brief:
        """What the row of an ordinary call needs, which is a fifth of the call; or the call.

        For the service's threads: it encodes nothing, changes nothing and doesn't raise.
        """
        key = ordinary_end(call)
        if key is None or call.value is not None:
            return call
        try:
            frame = self._frames.get(key)
        except TypeError:
            # Something in it has no hash. The exporter's thread will say what is wrong with it.
            return call
        if frame is None:
            return call
        took = call.ended - call.started
        return call.ended, frame, took, call.started_at, call._request_id  # noqa: SLF001  # see encode

    def encode(self, call: Call | Brief, event_id: str | None) -> str:
        """The call as a JSON object. Raises Unfit when it can't become a row."""
        rest = ""
        if isinstance(call, tuple):
            _, frame, took, started_at, request_id = call
            # Our own clock needs no check; a tenth of a microsecond is finer than it is right.
            value, at = f"{took * 1000:.4f}", self._time(started_at)
        else:
            ordinary = ordinary_end(call)
            frame = self._frame(call, ordinary)
            value = _number(
                (call.ended - call.started) * 1000 if call.value is None else call.value
            )
            at = self._timestamp(call)
            request_id = call._request_id  # noqa: SLF001  # the property would make one up
            rest = self._rest(call) if ordinary is None else ""
        if event_id is not None:
            rest = f',"event_id":"{event_id}"{rest}'
        if request_id is not None:
            rest = f',"request_id":{self._string(request_id, 100)}{rest}'
        return f'{frame},"metric_value":{value},"timestamp":"{at}"{rest}}}'

    def _frame(self, call: Call, ordinary: Frame | None) -> str:
        """What repeats from row to row, encoded and checked once: names, and an ordinary end."""
        # Rows whose end is not ordinary share the text of their names.
        key = ordinary or (*names_of(call), call.success)
        frame = self._frames.get(key)
        if frame is None:
            clipped = self.clipped
            frame = self._make_head(call)
            frame += ',"success":true' if call.success else ',"success":false'
            if ordinary and call.status is not None:
                frame += f',"metadata":{as_json(_facts(call))}'
            # What was mended is looked at each time: its count must grow with each row.
            if clipped == self.clipped:
                if len(self._frames) >= _REMEMBERED:
                    self._frames = {}
                self._frames[key] = frame
        return frame

    def _rest(self, call: Call) -> str:
        """The fields that few rows have, each with a comma before it."""
        rest = ""
        if call.models:
            rest += f',"ml_models_used":{self._models(call.models)}'
        if call.satisfaction is not None:
            rest += self._optional("user_satisfaction_score", _rating(call.satisfaction))
        if call.user_id is not None:
            rest += self._optional("user_id", user_id(call.user_id))
        metadata = self._metadata(call)
        return f'{rest},"metadata":{metadata}' if metadata != "{}" else rest

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

    def _optional(self, name: str, value: float | None) -> str:
        if value is None:
            self.clipped += 1
            return ""
        return f',"{name}":{value!r}'

    def _required(self, value: object, field: str, longest: int) -> str:
        if not isinstance(value, str) or not value:
            raise Unfit(f"{field} is {value!r}")
        return self._string(value, longest)

    def _string(self, value: object, longest: int) -> str:
        if type(value) is str and value.isascii() and value.isprintable() and len(value) <= longest:
            return encode_basestring(value)
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
        """RFC 3339; a time without a zone is taken as UTC."""
        at = call.timestamp
        if at is None:
            return self._time(call.started_at)
        if not isinstance(at, datetime):
            raise Unfit(f"timestamp is {at!r:.50}")
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).isoformat()

    def _time(self, at: float) -> str:
        """RFC 3339 in UTC, of seconds since 1970."""
        since = at - self._second
        if not 0 <= since < 1:
            self._second = int(at)
            since = at - self._second
            whole = datetime.fromtimestamp(self._second, timezone.utc).replace(tzinfo=None)
            self._second_text = f"{whole.isoformat()}."
        # The same six digits as f"{micros:06d}", in less time.
        return f"{self._second_text}{str(1_000_000 + int(since * 1_000_000))[1:]}Z"

    def _metadata(self, call: Call) -> str:
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


def _number(value: object) -> str:
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        raise Unfit(f"metric_value is {value!r:.50}") from None
    if not abs(number) <= FARTHEST_VALUE:
        raise Unfit(f"metric_value is {number}")
    return repr(round(number, 6))


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
