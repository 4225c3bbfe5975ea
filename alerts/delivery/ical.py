"""PURE: a calendar as RFC 5545 has it: CRLF, lines of 75 octets at most, text escaped, UTC."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CONTENT_TYPE = "text/calendar; charset=utf-8"
OCTETS = 75


@dataclass(frozen=True)
class Entry:
    """One event. ``uid`` stays when its end, text or person changes."""

    uid: str
    start: datetime
    end: datetime
    summary: str
    description: str = ""
    # Whether it takes up the reader's time.
    busy: bool = False


def calendar(name: str, entries: Iterable[Entry], now: datetime, refresh: timedelta) -> bytes:
    """The whole calendar; readers are asked to fetch it again after ``refresh``."""
    minutes = max(1, int(refresh.total_seconds() // 60))
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//AIOSMON//On call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:PT{minutes}M",
        f"X-PUBLISHED-TTL:PT{minutes}M",
    ]
    for entry in entries:
        lines += _event(entry, now)
    lines.append("END:VCALENDAR")
    return b"".join(piece for line in lines for piece in _folded(line))


def text(value: str) -> str:
    """A value of type TEXT (3.3.11): backslash, semicolon, comma and line breaks escaped.

    Other control characters, which no line may hold, are left out.
    """
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\\", "\\\\")
    value = value.replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
    return "".join(c for c in value if c >= " " and c != "\x7f")


def _event(entry: Entry, now: datetime) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{text(entry.uid)}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(entry.start)}",
        f"DTEND:{_moment(entry.end)}",
        f"SUMMARY:{text(entry.summary)}",
    ]
    if entry.description:
        lines.append(f"DESCRIPTION:{text(entry.description)}")
    return [*lines, f"TRANSP:{'OPAQUE' if entry.busy else 'TRANSPARENT'}", "END:VEVENT"]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _folded(line: str) -> Iterator[bytes]:
    """The line in pieces of 75 octets at most, none within a character (3.1)."""
    piece, room = b"", OCTETS
    for character in line:
        octets = character.encode()
        if len(octets) > room:
            yield piece + b"\r\n"
            piece, room = b" ", OCTETS - 1
        piece += octets
        room -= len(octets)
    yield piece + b"\r\n"
