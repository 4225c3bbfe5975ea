"""OTLP metrics messages as exporters make them."""

import time
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF, pairs

DURATION, TOKENS, CHOICES = (
    "gen_ai.client.operation.duration",
    "gen_ai.client.token.usage",
    "gen_ai.client.generation.choices",
)
SECOND = 10**9
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
BOUNDS = (0.1, 0.2, 0.4, 0.8)
DELTA = pb.AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = pb.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
# Within one minute, an hour ago.
NOON = (time.time_ns() // (60 * SECOND) - 60) * 60 * SECOND


def at(seconds: float) -> int:
    """Nanoseconds, that many seconds from NOON."""
    return NOON + int(seconds * SECOND)


def point(start: float, end: float, **fields: Any) -> dict[str, Any]:
    """What all points have; ``attributes`` are those of a chat."""
    attributes = fields.pop("attributes", CHAT)
    return {
        "start_time_unix_nano": at(start),
        "time_unix_nano": at(end),
        "attributes": pairs(attributes),
        **fields,
    }


def gauge(name: str, *points: dict[str, Any]) -> pb.Metric:
    """A gauge."""
    data = pb.Gauge(data_points=[pb.NumberDataPoint(**one) for one in points])
    return pb.Metric(name=name, gauge=data)


def counter(
    name: str, *points: dict[str, Any], temporality: int = DELTA, monotonic: bool = True
) -> pb.Metric:
    """A sum."""
    numbers = [pb.NumberDataPoint(**one) for one in points]
    data = pb.Sum(
        data_points=numbers,
        aggregation_temporality=temporality,  # type: ignore[arg-type]
        is_monotonic=monotonic,
    )
    return pb.Metric(name=name, sum=data)


def explicit(name: str, *points: dict[str, Any], temporality: int = DELTA) -> pb.Metric:
    """A histogram with explicit buckets."""
    data = pb.Histogram(
        data_points=[pb.HistogramDataPoint(**one) for one in points],
        aggregation_temporality=temporality,  # type: ignore[arg-type]
    )
    return pb.Metric(name=name, unit="s", histogram=data)


def exponential(name: str, *points: dict[str, Any], temporality: int = DELTA) -> pb.Metric:
    """An exponential histogram."""
    data = pb.ExponentialHistogram(
        data_points=[pb.ExponentialHistogramDataPoint(**one) for one in points],
        aggregation_temporality=temporality,  # type: ignore[arg-type]
    )
    return pb.Metric(name=name, unit="s", exponential_histogram=data)


def buckets(counts: list[int], offset: int = 0) -> pb.ExponentialHistogramDataPoint.Buckets:
    """Exponential buckets."""
    return pb.ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts)


def counted(start: float, end: float, counts: list[int], **fields: Any) -> dict[str, Any]:
    """An explicit point over BOUNDS."""
    figures = {"explicit_bounds": BOUNDS, "bucket_counts": counts, "count": sum(counts)}
    return point(start, end, **{**figures, "sum": 0.25 * sum(counts), **fields})


def request(
    *metrics: pb.Metric, resource: dict[str, Any] | None = None
) -> ExportMetricsServiceRequest:
    """A request with these metrics of one service."""
    resource = {"service.name": "assistant"} if resource is None else resource
    whole = pb.ResourceMetrics(
        resource=Resource(attributes=pairs(resource)),
        scope_metrics=[pb.ScopeMetrics(metrics=metrics)],
    )
    return ExportMetricsServiceRequest(resource_metrics=[whole])


def growing(end: float, *counts: int, **fields: Any) -> ExportMetricsServiceRequest:
    """A cumulative explicit histogram that began at 0."""
    return request(explicit(DURATION, counted(0, end, [*counts], **fields), temporality=CUMULATIVE))


def rising(end: float, value: int, start: float = 0) -> ExportMetricsServiceRequest:
    """A cumulative counter."""
    return request(counter(CHOICES, point(start, end, as_int=value), temporality=CUMULATIVE))


def everything() -> ExportMetricsServiceRequest:
    """Every kind of point, in one request."""
    return request(
        gauge("http.server.request.duration", point(0, 30, as_double=1.0)),
        counter(CHOICES, point(0, 30, as_int=2)),
        counter(CHOICES, point(0, 30, as_int=9), temporality=CUMULATIVE),
        explicit(DURATION, counted(0, 30, [1, 2, 3, 4, 5])),
        explicit(DURATION, counted(0, 30, [1, 2, 3, 4, 5]), temporality=CUMULATIVE),
    )


def export(
    post: Post, key: str, *messages: ExportMetricsServiceRequest
) -> list[ExportMetricsServiceResponse]:
    """Send them; each has to be answered with 200."""
    bodies = [message.SerializeToString() for message in messages]
    answers = post(key, *bodies, path="/v1/metrics", **{"Content-Type": PROTOBUF})
    assert [answer.status_code for answer in answers] == [200] * len(messages)
    return [ExportMetricsServiceResponse.FromString(answer.content) for answer in answers]
