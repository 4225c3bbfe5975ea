"""Objectives made to measure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from slas.objectives import Kind, Objective, Promise


@pytest.fixture
def objective() -> Callable[..., Objective]:
    """Make an objective over simple queries: ``objective(Kind.LATENCY, share=95.0)``."""

    def make(kind: Kind = Kind.LATENCY, **fields: Any) -> Objective:
        defaults: dict[str, Any] = {
            "promise": Promise.SLA,
            "code": "tests",
            "metric_name": "conversational_query_response_time",
            "component": "cognitive_core",
            "unit": "ms",
            "threshold": 3000.0,
            "good_within": 3000.0,
            "share": 95.0,
            "window": timedelta(minutes=5),
            "minimum": 1,
        }
        return Objective(kind=kind, **{**defaults, **fields})

    return make
