"""PURE: OTLP's typed attribute values as plain ones."""

from collections.abc import Collection, Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

# Real attributes nest once or twice; what nests deeper is not ours to follow.
MAX_DEPTH = 8


def plain(pairs: Iterable[KeyValue], wanted: Collection[str] | None = None) -> dict[str, Any]:
    """Names to plain values; of a name that comes twice the last counts.

    Only the ``wanted`` names, if given: prompts and answers are long, and not ours to keep.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name = pair.key
        if wanted is None or name in wanted:
            of = pair.value
            kind = of.WhichOneof("value")
            # Nearly all are text: the shortest way for them.
            found[name] = of.string_value if kind == "string_value" else value(of)
    return found


def value(of: AnyValue, depth: int = 0) -> Any:
    """One value: str, bool, int, float, list, dict, hex text for bytes, None for none."""
    kind = of.WhichOneof("value")
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [value(one, depth + 1) for one in of.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: value(pair.value, depth + 1) for pair in of.kvlist_value.values}
    if kind == "bytes_value":
        return of.bytes_value.hex()
    return getattr(of, kind)
