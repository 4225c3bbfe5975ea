"""What drf-spectacular can't see in the views: ingestion's bodies, and every error."""

from typing import Any

from aiosmon.openapi import alertmanager, errors, feedback, otlp, rows
from metrics.ingest.service import BY_PATH

Schema = dict[str, Any]
Operation = dict[str, Any]


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:  # noqa: ARG001
    """Postprocessing hook: add the faces of ingestion and the errors of every operation."""
    paths: Schema = result["paths"]
    components: Schema = result["components"]
    schemas = errors.SCHEMAS | rows.schemas() | feedback.schemas()
    components.setdefault("schemas", {}).update(schemas)
    components["responses"] = errors.RESPONSES
    if rows.PATH in paths:
        rows.describe(paths[rows.PATH]["post"])
        feedback.describe(paths)
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method in {"get", "post"}:
                errors.add(path, method, operation, ingests=path in BY_PATH)
    otlp.add(result, [face for face in BY_PATH.values() if face.name.startswith("otlp_")])
    alertmanager.add(result)
    return result
