"""Reports how a service does to an AIOSMON portal.

Everything here may be called from any thread and never raises into the service:
what goes wrong is counted and logged. Without URL and API key it does nothing.
"""

from __future__ import annotations

from aiosmon_sdk.call import Call, current
from aiosmon_sdk.client import Client
from aiosmon_sdk.default import configure, default_client, flush, rate, record
from aiosmon_sdk.rules import Rule
from aiosmon_sdk.tracking import track

__all__ = [
    "Call",
    "Client",
    "Rule",
    "configure",
    "current",
    "default_client",
    "flush",
    "rate",
    "record",
    "track",
]
