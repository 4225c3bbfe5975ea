"""OpenTelemetry's own SDK and exporter, exporting when it is told to."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)
from opentelemetry.sdk.resources import Resource

EXPLICIT = ExplicitBucketHistogramAggregation((0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28))
EXPONENTIAL = ExponentialBucketHistogramAggregation()
DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE


class Twice(OTLPMetricExporter):
    """Sends everything again, as an exporter does whose answer got lost."""

    def export(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> MetricExportResult:
        """The second answer."""
        super().export(metrics_data, *args, **kwargs)
        return super().export(metrics_data, *args, **kwargs)


@contextmanager
def meters(
    url: str,
    key: str,
    temporality: AggregationTemporality = CUMULATIVE,
    aggregation: Aggregation = EXPLICIT,
    exporter: type[OTLPMetricExporter] = OTLPMetricExporter,
    *,
    service: str = "exporting",
) -> Iterator[tuple[Meter, Callable[[], None]]]:
    """A meter, and what exports everything recorded so far."""
    sender = exporter(
        endpoint=f"{url}/v1/metrics",
        headers={"Authorization": f"Bearer {key}"},
        preferred_temporality={Counter: temporality, Histogram: temporality},
        preferred_aggregation={Histogram: aggregation},
    )
    reader = PeriodicExportingMetricReader(sender, export_interval_millis=math.inf)
    resource = Resource({"service.name": service})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)

    def flush() -> None:
        assert provider.force_flush()

    try:
        yield provider.get_meter("tests"), flush
    finally:
        provider.shutdown()
