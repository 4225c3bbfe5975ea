"""NaN and Infinity in a body: Python and JavaScript write them, JSON knows no such numbers.

A whole batch would be no JSON for one of them. Written as numbers that no float
can hold they are the fault of their row and field alone, and the others are
stored.
"""

import re

# Some steps towards the next of them; a string is passed over as a whole. Only ever matched where
# the last match ended (a search would begin again at each byte), and after a few milliseconds the
# interpreter is let go for the other threads.
_STEPS = re.compile(
    rb'(?:[^"NI]++|"(?:[^"\\]++|\\.)*+"|N(?!aN)|I(?!nfinity)){0,20000}+(NaN|Infinity)?', re.DOTALL
)
_NUMBERS = {b"NaN": b"1e9999001", b"Infinity": b"1e9999002"}
_NAMES = {number: name.decode() for name, number in _NUMBERS.items()}
_NUMBER = re.compile(b"|".join(_NAMES))


def as_numbers(body: bytes, most: int) -> bytes:
    """The body with up to ``most`` of them written as numbers that are out of range."""
    if b"NaN" not in body and b"Infinity" not in body:
        return body
    pieces: list[bytes] = []
    at = copied = 0
    while len(pieces) < 2 * most and (found := _STEPS.match(body, at)) and found.end() > at:
        at = found.end()
        if found[1]:
            pieces += [body[copied : found.start(1)], _NUMBERS[found[1]]]
            copied = at
    return b"".join([*pieces, body[copied:]]) if pieces else body


def named_in(row: bytes) -> str | None:
    """Which of them the row held; None for none."""
    found = _NUMBER.search(row)
    return _NAMES[found[0]] if found else None
