"""What every kind of probe takes and gives."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from django.core.exceptions import ValidationError

from metrics.units import Unit

PLATFORM_COMPONENT = "nervous_system"


@dataclass(frozen=True)
class Spec:
    """What a run needs of a Probe row, detached from the database."""

    name: str
    kind: str
    target: str
    payload: dict[str, Any]
    timeout: float  # seconds
    component: str
    service_name: str
    client_id: int
    test_conditions: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One value that a probe measured."""

    metric_name: str
    metric_category: str
    value: float
    unit: str = Unit.MILLISECONDS
    success: bool = True
    component: str | None = None  # None: the probe's
    query_complexity: str | None = None
    models: list[str] | None = None
    request_id: str | None = None
    endpoint_path: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class ProbeFailed(Exception):
    """The target answered, but not as it should; ``value`` is what that took in ms."""

    def __init__(self, reason: str, value: float, endpoint_path: str | None = None) -> None:
        super().__init__(reason)
        self.value, self.endpoint_path = value, endpoint_path


@dataclass(frozen=True)
class Known:
    """What is known of a call before it is made, so that a failed one's row says it too."""

    query_complexity: str | None = None
    models: list[str] | None = None


class Kind(Protocol):
    """One kind of probe."""

    @property
    def metric_name(self) -> str:
        """The metric of its rows, a failed run's too."""

    @property
    def metric_category(self) -> str:
        """That metric's category."""

    @property
    def unit(self) -> str:
        """The unit of that metric."""

    def known(self, payload: dict[str, Any]) -> Known:
        """What the payload alone tells of the call."""

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """Raise ValidationError for a target or payload this kind can't use."""

    async def measure(self, spec: Spec) -> list[Sample]:
        """Measure once. Raises ProbeFailed, or whatever the call itself raises."""


def require_text(payload: dict[str, Any], key: str) -> str:
    """The text under ``key``; ValidationError names what is missing."""
    value = payload.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValidationError({"payload": f"The payload needs a text under “{key}”."})
    return value
