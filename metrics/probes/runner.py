"""Running a probe: whatever happens, the outcome is rows, never an exception."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import psycopg
from django.core.exceptions import ValidationError

from metrics.ingest.binary import encode
from metrics.ingest.schema import Refused, Row
from metrics.models import Probe
from metrics.probes.base import Known, ProbeFailed, Sample, Spec
from metrics.probes.registry import KINDS
from metrics.units import Unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a run found; ``error`` is empty when all went well."""

    samples: list[Sample]
    error: str = ""


def spec_of(probe: Probe) -> Spec:
    """The probe's settings, detached from the database."""
    return Spec(
        name=probe.name,
        kind=probe.kind,
        target=probe.target,
        payload=probe.payload,
        timeout=probe.timeout_seconds,
        component=probe.component,
        service_name=probe.service_name,
        client_id=probe.client_id,
        test_conditions=probe.test_conditions,
    )


async def run(spec: Spec) -> Outcome:
    """Measure once, within the probe's timeout.

    A target that answers wrongly, late or not at all yields a row with
    success=false: its value is the time it took, or the timeout, and its
    metadata says what happened.
    """
    kind = KINDS[spec.kind]
    started = time.perf_counter()
    try:
        async with asyncio.timeout(spec.timeout):
            return Outcome(await kind.measure(spec))
    except ProbeFailed as failed:
        return _failed(spec, str(failed), failed.value, failed.endpoint_path)
    except (TimeoutError, httpx.TimeoutException):
        reason = f"No answer within {spec.timeout:g} s"
        return _failed(spec, reason, spec.timeout * 1000, no_answer=True)
    except (httpx.HTTPError, psycopg.Error, OSError) as error:
        # The call was never answered: its value is the timeout, however soon that was known.
        reason = f"{type(error).__name__}: {error}"
        return _failed(spec, reason, spec.timeout * 1000, no_answer=True)
    except ValidationError as error:
        return _failed(spec, " ".join(error.messages), _ms(started))
    except Exception as error:
        # A fault of ours in one kind must stop neither the others nor its own next run.
        logger.exception("probe failed unexpectedly", extra={"probe": spec.name})
        return _failed(spec, f"{type(error).__name__}: {error}", _ms(started))


def storable(spec: Spec, outcome: Outcome, at: datetime) -> tuple[Outcome, list[Row]]:
    """The outcome with its rows; one of failure when what the target sent can't be stored."""
    rows = rows_of(spec, outcome, at)
    try:
        for row in rows:
            encode(row, synthetic=True)
    except Refused as refused:
        reason = f"The answer can't be stored: {refused.field}: {refused}"
        outcome = _failed(spec, reason.replace("\0", "�"), outcome.samples[0].value)
        rows = rows_of(spec, outcome, at)
    return outcome, rows


def rows_of(spec: Spec, outcome: Outcome, at: datetime) -> list[Row]:
    """The outcome as rows, with the probe's name and test conditions in their metadata."""
    common: dict[str, Any] = {"probe": spec.name}
    if spec.test_conditions:
        common["test_conditions"] = spec.test_conditions
    return [
        Row(
            metric_name=sample.metric_name,
            metric_category=str(sample.metric_category),  # type: ignore[arg-type]
            metric_value=sample.value,
            measurement_unit=str(sample.unit),
            component=sample.component or spec.component,
            service_name=spec.service_name,
            endpoint_path=sample.endpoint_path,
            client_id=spec.client_id,
            request_id=sample.request_id,
            query_complexity=sample.query_complexity,  # type: ignore[arg-type]
            ml_models_used=sample.models,
            timestamp=at,
            metadata={**common, **sample.metadata},
            success=sample.success,
        )
        for sample in outcome.samples
    ]


def _failed(
    spec: Spec, reason: str, value: float, path: str | None = None, *, no_answer: bool = False
) -> Outcome:
    kind = KINDS[spec.kind]
    try:
        known = kind.known(spec.payload)
    except ValidationError:  # The payload itself is at fault.
        known = Known()
    metadata: dict[str, Any] = {"error": reason[:500]}
    if no_answer:
        metadata["no_answer"] = True
    sample = Sample(
        kind.metric_name,
        kind.metric_category,
        # How long a failure took is a value of that metric only where it measures time.
        value if kind.unit == Unit.MILLISECONDS else 0.0,
        kind.unit,
        success=False,
        query_complexity=known.query_complexity,
        models=known.models,
        endpoint_path=path,
        metadata=metadata,
    )
    return Outcome([sample], reason[:500])


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
