"""PURE: when a route's hours let something through."""

from datetime import datetime, timedelta
from typing import Any

from slas import contracts

# The longest that weekly hours can be closed, and a day for the clocks.
LONGEST = timedelta(days=8)


def opens_at(hours: list[dict[str, Any]], zone: str, now: datetime) -> datetime:
    """``now`` within the hours, else the moment when they begin next; no hours are always open."""
    shut = contracts.closed(hours, zone, now, now + LONGEST)
    if shut and shut[0][0] <= now:
        return shut[0][1]
    return now
