"""One prediction in the database, as PostgresML makes it: SELECT pgml.predict(…)."""

import math
import time
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ValidationError

from metrics.models import Category
from metrics.probes.base import Known, ProbeFailed, Sample, Spec, require_text
from metrics.units import Unit


class MlInference:
    """Target: the name of a database; payload: ``model_name`` and ``features`` (name → number)."""

    metric_name = "ml_prediction_inference_time"
    metric_category = Category.ML_INFERENCE
    unit = Unit.MILLISECONDS

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """A database that the settings name, a model and its features."""
        _dsn(target)
        require_text(payload, "model_name")
        _features(payload)

    def known(self, payload: dict[str, Any]) -> Known:
        """The model that is asked."""
        return Known(models=[require_text(payload, "model_name")])

    async def measure(self, spec: Spec) -> list[Sample]:
        """Predict once. The time is the query's: connecting is not inference."""
        model, features = require_text(spec.payload, "model_name"), _features(spec.payload)
        connecting = psycopg.AsyncConnection.connect(
            _dsn(spec.target), autocommit=True, connect_timeout=math.ceil(spec.timeout)
        )
        async with await connecting as connection:
            # A cancelled client alone would leave the query running in the database.
            await connection.execute(f"SET statement_timeout = {math.ceil(spec.timeout * 1000)}")
            started = time.perf_counter()
            try:
                cursor = await connection.execute(
                    "SELECT pgml.predict(%s, %s::FLOAT[]) AS prediction",
                    [model, list(features.values())],
                )
                row = await cursor.fetchone()
            except psycopg.errors.QueryCanceled as error:
                raise TimeoutError from error
            except psycopg.Error as error:
                reason = str(error).strip().splitlines()[0]
                raise ProbeFailed(reason, (time.perf_counter() - started) * 1000) from error
            elapsed = (time.perf_counter() - started) * 1000
        metadata = {
            "model_name": model,
            "feature_count": len(features),
            "prediction_value": row[0] if row else None,
        }
        return [
            Sample(
                self.metric_name, self.metric_category, elapsed, models=[model], metadata=metadata
            )
        ]


def _dsn(name: str) -> str:
    dsn = settings.PROBE_DSNS.get(name.lower())
    if dsn is None:
        known = ", ".join(sorted(settings.PROBE_DSNS)) or "none yet"
        raise ValidationError(
            {
                "target": f"No database is named “{name}” (known: {known}). An administrator can "
                f"set AIOSMON_PROBE_DSN_{name.upper() or 'NAME'}=postgresql://…"
            }
        )
    return str(dsn)


def _features(payload: dict[str, Any]) -> dict[str, float]:
    features = payload.get("features")
    if not isinstance(features, dict) or not features:
        raise ValidationError({"payload": "The payload needs “features”: an object of numbers."})
    for name, value in features.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValidationError({"payload": f"Feature “{name}” is no number."})
    # The driver sends no list of whole and broken numbers mixed.
    return {name: float(value) for name, value in features.items()}
