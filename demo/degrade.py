"""The knobs that make a component slow or faulty on purpose, so that an SLA can be seen to break.

This is the only place where the service sleeps.
"""

import asyncio
import random
from dataclasses import asdict, dataclass

from demo.problems import Problem

COMPONENTS = ("cognitive_core", "user_interface", "data_intelligence")
MAX_SLOWDOWN_MS = 60_000


@dataclass(frozen=True)
class Degradation:
    """`slowdown` in ms is added to each request, `error_rate` (0..1) of them are answered 500."""

    slowdown: float = 0.0
    error_rate: float = 0.0


class Degradations:
    """The declared degradation of each component; all start healthy."""

    def __init__(self) -> None:
        self._state = dict.fromkeys(COMPONENTS, Degradation())

    def of(self, component: str) -> Degradation:
        """The component's present degradation."""
        return self._state[component]

    def set(self, component: str, slowdown: float | None, error_rate: float | None) -> None:
        """Change what is given; None leaves a value as it is."""
        now = self._state[component]
        self._state[component] = Degradation(
            now.slowdown if slowdown is None else slowdown,
            now.error_rate if error_rate is None else error_rate,
        )

    def recover(self, component: str | None) -> None:
        """Make one component healthy again, or all."""
        for name in [component] if component else COMPONENTS:
            self._state[name] = Degradation()

    def as_dict(self) -> dict[str, dict[str, float]]:
        """The state of all components, for JSON."""
        return {name: asdict(state) for name, state in self._state.items()}

    async def apply(self, component: str) -> None:
        """Wait the slowdown, then raise Problem 500 for the declared share of requests."""
        state = self._state[component]
        if state.slowdown:
            await asyncio.sleep(state.slowdown / 1000)
        if random.random() < state.error_rate:
            fix = f'POST /demo/recover {{"component": "{component}"}} ends it.'
            raise Problem(500, None, f"{component} is degraded on purpose.", fix)
