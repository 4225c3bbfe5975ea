"""A row as a service sends it."""

from typing import Any


def row(**fields: Any) -> dict[str, Any]:
    """One that is accepted as it is."""
    return {
        "metric_name": "queue_size",
        "metric_category": "system_health",
        "metric_value": 1,
        "measurement_unit": "count",
        "component": "cognitive_core",
        "service_name": "tests",
        **fields,
    }
