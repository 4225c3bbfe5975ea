"""The service's settings, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class ConfigError(ValueError):
    """A variable's value can't be used; the message names it, the problem and the fix."""


@dataclass(frozen=True)
class Config:
    """What the environment decides. Empty strings mean: that part is off."""

    database_url: str = ""
    portal_url: str = ""
    portal_key: str = ""
    own_url: str = "http://127.0.0.1:8090"
    traffic_per_second: float = 0.5
    resource_seconds: float = 15.0

    @property
    def reports(self) -> bool:
        """Whether rows are sent to a portal."""
        return bool(self.portal_url and self.portal_key)


def from_environment(env: Mapping[str, str] = os.environ) -> Config:
    """Read the settings; raises ConfigError for a number out of range or a wrong address."""
    return Config(
        database_url=env.get("DEMO_DATABASE_URL", ""),
        portal_url=_address(env, "AIOSMON_URL", ""),
        portal_key=env.get("AIOSMON_API_KEY", ""),
        own_url=_address(env, "DEMO_URL", Config.own_url),
        traffic_per_second=_number(env, "DEMO_TRAFFIC", Config.traffic_per_second, 0, 100),
        resource_seconds=_number(env, "DEMO_RESOURCE_SECONDS", Config.resource_seconds, 0.1, 3600),
    )


def _address(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, "") or default
    if value and not value.startswith(("http://", "https://")):
        raise ConfigError(f"{name}={value!r} is not usable: start it with http:// or https://.")
    return value.rstrip("/")


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    raw = env.get(name, "")
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigError(f"{name}={raw!r} is not usable: set a number from {low:g} to {high:g}.")
    return value
