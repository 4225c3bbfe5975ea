"""OTLP's two encodings: protobuf, and JSON with hexadecimal ids."""

import base64
import re
from typing import Any, TypeVar

import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

PROTOBUF, JSON = "application/x-protobuf", "application/json"
# JSON has its own, far smaller bound than protobuf's 100: each level costs the parser frames.
MAX_JSON_DEPTH = 60

M = TypeVar("M", bound=Message)

# OTLP's exception to protobuf's JSON mapping: these are hexadecimal there, not base64.
_IDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


class MalformedOtlp(Exception):
    """The body is not the message that this address takes."""


def decode(body: bytes, content_type: str, message_type: type[M]) -> M:
    """The message in ``body``. Unknown fields are ignored, as the protocol asks.

    Raises MalformedOtlp.
    """
    if content_type == PROTOBUF:
        return _from_protobuf(body, message_type)
    return _from_json(body, message_type)


def encode(message: Message, content_type: str) -> bytes:
    """The message in the encoding of the request."""
    if content_type == PROTOBUF:
        packed: bytes = message.SerializeToString()
        return packed
    text: str = json_format.MessageToJson(message, indent=None)
    return text.encode()


def _from_protobuf(body: bytes, message_type: type[M]) -> M:
    message: M = message_type()
    try:
        message.ParseFromString(body)
    except (DecodeError, RecursionError) as error:
        raise MalformedOtlp(f"The body is no {message_type.DESCRIPTOR.name}: {error}") from error
    return message


def _from_json(body: bytes, message_type: type[M]) -> M:
    try:
        content = msgspec.json.decode(body)
        if not isinstance(content, dict):
            raise MalformedOtlp("The body is no JSON object.")
        message: M = message_type()
        json_format.ParseDict(_with_base64(content, 0), message, ignore_unknown_fields=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedOtlp(f"The body is no JSON: {error}") from error
    # ParseDict lets a few of Python's own errors through for values of the wrong kind.
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError) as error:
        name = message_type.DESCRIPTOR.name
        raise MalformedOtlp(f"The body is no {name}: {error}") from error
    return message


def _with_base64(content: Any, depth: int) -> Any:
    """The same with its ids as protobuf's JSON mapping wants them."""
    if depth > MAX_JSON_DEPTH:
        raise MalformedOtlp(f"The body nests deeper than {MAX_JSON_DEPTH} levels.")
    if isinstance(content, list):
        return [_with_base64(one, depth + 1) for one in content]
    if not isinstance(content, dict):
        return content
    return {
        name: _id(name, one) if name in _IDS else _with_base64(one, depth + 1)
        for name, one in content.items()
    }


def _id(name: str, text: Any) -> str:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise MalformedOtlp(f"{name} is not hexadecimal.")
    return base64.b64encode(bytes.fromhex(text)).decode()
