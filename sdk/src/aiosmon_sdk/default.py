"""The client that is used when none is named."""

from __future__ import annotations

import threading
from typing import Any

from aiosmon_sdk.client import Client
from aiosmon_sdk.options import from_environment

_default: Client | None = None
_choosing = threading.RLock()


def configure(
    url: str | None = None,
    api_key: str | None = None,
    service_name: str | None = None,
    component: str | None = None,
    *,
    client: str | None = None,
    event_ids: bool = True,
    gzip: bool = True,
    error_messages: bool = True,
    ca_file: str | None = None,
    max_queued: int = 10_000,
    batch_rows: int = 500,
    batch_seconds: float = 1.0,
    timeout_seconds: float = 5.0,
    longest_pause_seconds: float = 60.0,
    give_up_seconds: float = 600.0,
    exit_seconds: float = 2.0,
    make_default: bool = True,
) -> Client:
    """Make a client and, unless told otherwise, the default one; see README.md for the options.

    What is None comes from AIOSMON_URL, AIOSMON_API_KEY, AIOSMON_SERVICE,
    AIOSMON_COMPONENT and AIOSMON_CLIENT. A former default client sends what it
    has queued and ends.
    """
    made = Client(
        from_environment(
            url=url,
            api_key=api_key,
            service_name=service_name,
            component=component,
            client=client,
            event_ids=event_ids,
            gzip=gzip,
            error_messages=error_messages,
            ca_file=ca_file,
            max_queued=max_queued,
            batch_rows=batch_rows,
            batch_seconds=batch_seconds,
            timeout_seconds=timeout_seconds,
            longest_pause_seconds=longest_pause_seconds,
            give_up_seconds=give_up_seconds,
            exit_seconds=exit_seconds,
        )
    )
    if make_default:
        _replace_default(made)
    return made


def _replace_default(made: Client) -> None:
    global _default  # one per process, behind a lock
    with _choosing:
        former, _default = _default, made
    if former is not None and former.enabled:
        # In the background: configure() may be called by an event loop's thread.
        threading.Thread(target=former.close, name="aiosmon-sdk-close", daemon=True).start()


def default_client() -> Client:
    """The client that configure() made last; without one, made of the environment."""
    if _default is None:
        with _choosing:
            return _default or configure()
    return _default


def record(metric_name: str, value: float, **fields: Any) -> None:
    """``Client.record`` of the default client."""
    default_client().record(metric_name, value, **fields)


def rate(request_id: str, rating: float | str, **fields: Any) -> None:
    """``Client.rate`` of the default client."""
    default_client().rate(request_id, rating, **fields)


def flush(timeout: float = 5.0) -> bool:
    """``Client.flush`` of the default client."""
    return default_client().flush(timeout)
