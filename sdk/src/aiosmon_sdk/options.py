"""What can be set, where it comes from, and what is made of values that can't be used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Kind:
    """One kind of thing that is sent: what it is called, where it goes."""

    noun: str
    path: str


ROWS = Kind("rows", "/api/v1/metrics/")
VOTES = Kind("votes", "/api/v1/feedback/")


@dataclass(frozen=True)
class Options:
    """The settings of one client. Times are in seconds."""

    url: str = ""
    api_key: str = ""
    service_name: str = "unknown_service"
    component: str = "cognitive_core"
    client: str | None = None
    event_ids: bool = True
    gzip: bool = True
    error_messages: bool = True
    ca_file: str | None = None
    max_queued: int = 10_000
    batch_rows: int = 500
    batch_seconds: float = 1.0
    timeout_seconds: float = 5.0
    longest_pause_seconds: float = 60.0
    give_up_seconds: float = 600.0
    exit_seconds: float = 2.0

    @property
    def problem(self) -> str | None:
        """Why nothing can be sent; None when it can."""
        if not self.url or not self.api_key:
            return "AIOSMON_URL and AIOSMON_API_KEY are not both set"
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            return f"the URL {self.url!r} is not http(s)://host[:port]"
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            return "the API key holds characters that a header can't carry"
        if not self.service_name or not self.component:
            return "service_name and component must not be empty"
        if min(self.max_queued, self.batch_rows) < 1 or min(self._seconds) <= 0:
            return "sizes and times must be greater than 0"
        return None

    @property
    def _seconds(self) -> tuple[float, ...]:
        return (
            self.batch_seconds,
            self.timeout_seconds,
            self.longest_pause_seconds,
            self.give_up_seconds,
        )


def from_environment(**given: object) -> Options:
    """The options given; what is None or missing comes from AIOSMON_… variables."""
    fallbacks = {
        "url": "AIOSMON_URL",
        "api_key": "AIOSMON_API_KEY",
        "service_name": "AIOSMON_SERVICE",
        "component": "AIOSMON_COMPONENT",
        "client": "AIOSMON_CLIENT",
    }
    values = {name: value for name, value in given.items() if value is not None}
    for name, variable in fallbacks.items():
        found = os.environ.get(variable, "").strip()
        if found:
            values.setdefault(name, found)
    return Options(**values)  # type: ignore[arg-type]  # configure() has typed them
