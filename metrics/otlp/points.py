"""PURE: the points of an OTLP metrics request, and what a cumulative one adds to its last."""

import enum
import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from metrics.ingest.schema import Refused, Rejection, Row
from metrics.models import Complexity
from metrics.otlp import histograms
from metrics.otlp.attributes import plain
from metrics.otlp.face import Found
from metrics.otlp.histograms import BadHistogram, Explicit, Exponential
from metrics.otlp.mapping import Mapping, Meaning, MetricAlias, Unmapped

NOT_MAPPED, NO_TOKEN_TYPE = "metric_not_mapped", "token_type_missing"
PLACE_OF_TYPE = "{token_type}"
# The columns' widths.
MAX_METRIC, MAX_MODEL = 100, 100
# Links to traces that are kept of a number point's exemplars.
MAX_LINKS = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPLEXITIES = frozenset(Complexity.values)
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

Value = int | float | Explicit | Exponential


class Kind(enum.Enum):
    """How a point stands to the one before it."""

    GAUGE = "gauge"
    DELTA = "delta"
    CUMULATIVE = "cumulative"


@dataclass(frozen=True)
class Point:
    """One point with a meaning here; ``row`` says what and whose it is."""

    series: UUID
    kind: Kind
    start: int  # ns since 1970; 0: not known
    time: int
    value: Value
    factor: float  # makes the value one in the row's unit
    row: Row

    @property
    def event_id(self) -> UUID:
        """The same for a point that is sent again."""
        return uuid5(self.series, f"{self.start}/{self.time}")


@dataclass
class FoundPoints(Found):
    """What a request held, by place in it."""

    points: list[tuple[int, Point]] = field(default_factory=list)


def find(message: ExportMetricsServiceRequest, names: Mapping) -> FoundPoints:
    """Every point that a name gives a meaning; what is wrong with others, or why not."""
    found = FoundPoints()
    for index, (origin, point) in enumerate(_points(message, names)):
        if point.flags & _NO_VALUE:
            continue
        try:
            found.points.append((index, _point(origin, point, names)))
        except Unmapped as unmapped:
            found.leave_out(unmapped.reason, unmapped.example)
        except Refused as fault:
            found.rejections.append(Rejection(index, fault.field, fault.problem, fault.fix))
        except BadHistogram as fault:
            fix = "Report it to who made the exporter."
            found.rejections.append(Rejection(index, "histogram", str(fault), fix))
    return found


def count(message: ExportMetricsServiceRequest) -> int:
    """How many points."""
    return sum(
        len(getattr(metric, kind).data_points)
        for one in message.resource_metrics
        for scope in one.scope_metrics
        for metric in scope.metrics
        if (kind := metric.WhichOneof("data"))
    )


@dataclass(frozen=True)
class _Origin:
    """What the points of one metric have in common."""

    resource: dict[str, Any]
    name: str
    data: str  # gauge, sum, histogram …
    kind: Kind | None  # None: not said
    alias: MetricAlias | None
    identity: Any  # a hash to go on from


def _points(message: ExportMetricsServiceRequest, names: Mapping) -> Iterator[tuple[_Origin, Any]]:
    for one in message.resource_metrics:
        resource = plain(one.resource.attributes, names.wanted)
        whose = _packed(one.resource.attributes)
        for scoped in one.scope_metrics:
            scope = scoped.scope
            where = [whose, scope.name.encode(), scope.version.encode(), _packed(scope.attributes)]
            for metric in scoped.metrics:
                data = metric.WhichOneof("data")
                if data is None:
                    continue
                series = getattr(metric, data)
                kind = _kind(data, series)
                alias = names.metric(metric.name)
                parts = [metric.name.encode(), metric.unit.encode(), f"{data}/{kind}".encode()]
                origin = _Origin(resource, metric.name, data, kind, alias, _hash(where + parts))
                for point in series.data_points:
                    yield origin, point


def _kind(data: str, series: Any) -> Kind | None:
    if data in {"gauge", "summary"} or (data == "sum" and not series.is_monotonic):
        return Kind.GAUGE
    return {
        AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA: Kind.DELTA,
        AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE: Kind.CUMULATIVE,
    }.get(series.aggregation_temporality)


def _hash(parts: Iterable[bytes]) -> Any:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4) + part)
    return digest


def _packed(attributes: Iterable[KeyValue]) -> bytes:
    """The attributes in one order, whatever order they came in."""
    packed = sorted(pair.SerializeToString(deterministic=True) for pair in attributes)
    return b"".join(len(one).to_bytes(4) + one for one in packed)


def _point(origin: _Origin, point: Any, names: Mapping) -> Point:
    """Raises Unmapped, Refused and BadHistogram."""
    alias, own = origin.alias, plain(point.attributes)
    attributes = {**origin.resource, **own}
    if alias is None:
        service = names.text(Meaning.SERVICE, attributes) or "an unnamed service"
        raise Unmapped(f"{NOT_MAPPED}: {origin.name}", f"“{origin.name}” of {service}")
    if origin.data == "summary":
        problem = "A summary's percentiles can't be merged."
        raise Refused("summary", problem, "Send a histogram.")
    if origin.kind is None:
        raise Refused("aggregation_temporality", "It is missing.", "Send delta or cumulative.")
    start, time = point.start_time_unix_nano, point.time_unix_nano
    if not time or start > time:
        raise Refused("time_unix_nano", "It is missing, or before the start.", "Send both times.")
    value = _value(origin.data, point)
    series = origin.identity.copy()
    series.update(_packed(point.attributes))
    row = _row(alias, attributes, names, time)
    if isinstance(value, int | float):
        row.metric_value = value * alias.factor
        row.metadata = _kept(origin.name, own, point)
    else:
        row.metric_value = (value.sum or 0.0) * alias.factor
        row.success = names.value(Meaning.ERROR, attributes) is None
    return Point(UUID(bytes=series.digest()), origin.kind, start, time, value, alias.factor, row)


def _row(alias: MetricAlias, attributes: dict[str, Any], names: Mapping, time: int) -> Row:
    decision = names.decide(attributes)
    source = names.source(attributes, decision)
    complexity = names.value(Meaning.COMPLEXITY, attributes)
    model = names.text(Meaning.MODEL, attributes)
    return Row(
        metric_name=_named(alias, attributes, names),
        metric_category=alias.metric_category,  # type: ignore[arg-type]  # the schema's choices
        metric_value=0.0,
        measurement_unit=alias.measurement_unit,
        component=source.component,
        service_name=source.service_name,
        client=source.client,
        query_complexity=complexity
        if complexity in _COMPLEXITIES
        else decision.query_complexity or None,  # type: ignore[arg-type]  # checked just now
        ml_models_used=[model[:MAX_MODEL]] if model else None,
        timestamp=_EPOCH + timedelta(microseconds=time // 1000),
    )


def _named(alias: MetricAlias, attributes: dict[str, Any], names: Mapping) -> str:
    if PLACE_OF_TYPE not in alias.metric_name:
        return alias.metric_name
    token_type = names.text(Meaning.TOKEN_TYPE, attributes)
    if token_type is None:
        raise Unmapped(NO_TOKEN_TYPE, f"A point of {alias.metric_name} lacks the attribute.")
    return alias.metric_name.replace(PLACE_OF_TYPE, token_type)[:MAX_METRIC]


def _kept(name: str, own: dict[str, Any], point: Any) -> dict[str, Any]:
    """A number point's own name and attributes, and links to the traces of its exemplars."""
    links = [one.trace_id.hex() for one in point.exemplars if one.trace_id][:MAX_LINKS]
    kept = {"metric": name, "attributes": own, "trace_ids": links}
    return {key: value for key, value in kept.items() if value}


def _value(data: str, point: Any) -> Value:
    """The point's value, checked. Raises Refused and BadHistogram."""
    if data in {"gauge", "sum"}:
        kind = point.WhichOneof("value")
        number: int | float | None = getattr(point, kind) if kind else None
        if number is None or not math.isfinite(number):
            raise Refused("value", "It is missing or not a finite number.", "Send a number.")
        return number
    value = _explicit(point) if data == "histogram" else _exponential(point)
    histograms.check(value)
    return value


def _explicit(point: Any) -> Explicit:
    return Explicit(
        bounds=tuple(point.explicit_bounds),
        counts=tuple(point.bucket_counts),
        total=point.count,
        **_figures(point),
    )


def _exponential(point: Any) -> Exponential:
    first = point.positive.offset
    counts = enumerate(point.positive.bucket_counts, first)
    return Exponential(
        scale=point.scale,
        positive={index: count for index, count in counts if count},
        total=point.count,
        zero=point.zero_count,
        threshold=point.zero_threshold,
        below=sum(point.negative.bucket_counts),
        **_figures(point),
    )


def _figures(point: Any) -> dict[str, float | None]:
    """Sum and extremes, where they were sent."""
    names = {"sum": "sum", "smallest": "min", "largest": "max"}
    return {
        ours: getattr(point, theirs) if point.HasField(theirs) else None
        for ours, theirs in names.items()
    }
