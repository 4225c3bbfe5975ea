"""PURE: rows → tuples of PostgreSQL's binary COPY format.

Made by hand because it is the hottest loop of the portal: psycopg's write_row
takes 11 µs a row, this about 3. What repeats from row to row (names, the
component, the service …) is encoded once and kept. Source of the format:
PostgreSQL documentation, COPY, "Binary Format".
"""

import re
import struct
from datetime import UTC, datetime
from typing import Any

import msgspec

from metrics.ingest.schema import Refused, Row

COLUMNS = (
    *("metric_name", "metric_category", "measurement_unit", "component", "service_name"),
    *("endpoint_path", "query_complexity", "ml_models_used", "request_id", "metadata"),
    *("user_id", "user_satisfaction_score", "event_id"),
    *("metric_value", "client_id", "timestamp", "success", "synthetic"),
)
HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
MAX_JSON_BYTES = 32 * 1024

_COUNT = struct.pack("!h", len(COLUMNS))
_NULL = struct.pack("!i", -1)
_LENGTH = struct.Struct("!i")
# The columns that every row has, each with its length before it: the last five of COLUMNS.
_FIXED = struct.Struct("!idiiiqi?i?")
_INTEGER = struct.Struct("!ii")
_FLOAT = struct.Struct("!id")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_JSONB_VERSION = b"\x01"
# Names repeat; should an emitter make up new ones for ever, the cache starts afresh.
_MOST_KEPT = 10_000
_kept: dict[tuple[Any, ...], bytes] = {}


def encode(row: Row, synthetic: bool) -> bytes:
    """One tuple. The row's client and time are filled in.

    Raises Refused for NUL characters and for JSON over MAX_JSON_BYTES.
    """
    models = row.ml_models_used
    key = (
        row.metric_name,
        row.metric_category,
        row.measurement_unit,
        row.component,
        row.service_name,
        row.endpoint_path,
        row.query_complexity,
        None if models is None else tuple(models),
    )
    series = _kept.get(key)
    if series is None:
        series = _keep(key, row)
    request_id, score, event = row.request_id, row.user_satisfaction_score, row.event_id
    timestamp = row.timestamp
    if timestamp is None or row.client_id is None:
        raise ValueError("A row is encoded only with its client and time filled in.")
    since = timestamp - _EPOCH
    return b"".join(
        (
            series,
            _NULL if request_id is None else _text("request_id", request_id),
            _NULL if row.metadata is None else _json("metadata", row.metadata),
            _NULL if row.user_id is None else _INTEGER.pack(4, row.user_id),
            _NULL if score is None else _FLOAT.pack(8, score),
            _NULL if event is None else _LENGTH.pack(16) + event.bytes,
            _FIXED.pack(
                *(8, row.metric_value, 4, row.client_id),
                *(8, since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds),
                *(1, row.success, 1, synthetic),
            ),
        )
    )


def _keep(key: tuple[Any, ...], row: Row) -> bytes:
    """Encode what repeats: the tuple's head up to ml_models_used."""
    parts = [_COUNT]
    for field in COLUMNS[:7]:
        value = getattr(row, field)
        parts.append(_NULL if value is None else _text(field, value))
    models = row.ml_models_used
    parts.append(_NULL if models is None else _json("ml_models_used", models))
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    head = _kept[key] = b"".join(parts)
    return head


def _text(field: str, value: str) -> bytes:
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise Refused(field, "It holds half of a surrogate pair.") from error
    if b"\0" in encoded:
        raise Refused(field, "It holds a NUL character.", "Remove it.")
    return _LENGTH.pack(len(encoded)) + encoded


def _json(field: str, value: Any) -> bytes:
    try:
        encoded = msgspec.json.encode(value)
    except (OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise Refused(field, f"It can't be stored: {error}.") from error
    if b"\\u0000" in encoded and _NUL.search(encoded):
        raise Refused(field, "It holds a NUL character.", "Remove it.")
    if len(encoded) > MAX_JSON_BYTES:
        raise Refused(field, f"It has {len(encoded)} bytes.")
    return _LENGTH.pack(len(encoded) + 1) + _JSONB_VERSION + encoded
