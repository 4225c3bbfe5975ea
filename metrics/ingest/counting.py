"""How many objects a body holds, found without keeping them.

A list of four million numbers has 8 MiB on the wire and 360 MB as Python
objects: what is refused for its length must be refused before it is decoded.
"""

import io
from typing import Any

import msgspec

# A row has some twenty commas. Only a body with so many more is looked at.
_ORDINARY_COMMAS = 64


class _Element:
    """Stands for any element."""


class _TooMany(Exception):
    """The count has passed its limit."""


_ELEMENT = _Element()


def has_more_elements(body: bytes, most: int) -> bool:
    """Whether the JSON list ``body`` is found to have more than ``most`` elements.

    False also for an ordinary body, which is not looked at, and for one with a fault before
    the count is passed: a decoder will say it.
    """
    if body.count(b",") <= most * _ORDINARY_COMMAS:
        return False
    count = 0

    def counted(_kind: type, _value: Any) -> _Element:
        nonlocal count
        count += 1
        if count > most:
            raise _TooMany
        return _ELEMENT

    try:
        msgspec.json.Decoder(list[_Element], dec_hook=counted).decode(body)
    except _TooMany:
        return True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return False


def filled_lines(body: bytes) -> int:
    """How many lines hold more than blanks."""
    return sum(1 for line in io.BytesIO(body) if line.strip())
