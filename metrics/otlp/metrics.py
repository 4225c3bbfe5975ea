"""``/v1/metrics``: number points become rows, histogram points parts of roll-ups."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from accounts.models import ApiKey
from metrics.ingest import binary, store, tally
from metrics.ingest.faces import Answer, Incoming
from metrics.ingest.schema import Rejection, Row
from metrics.ingest.store import Batch
from metrics.ingest.validate import Limits, prepare
from metrics.otlp import mapping, points, series
from metrics.otlp.cumulative import Last, advance
from metrics.otlp.face import OtlpFace
from metrics.otlp.histograms import BadHistogram
from metrics.otlp.points import FoundPoints, Kind, Point, Value
from metrics.otlp.series import Key, Part
from metrics.otlp.spread import convert

Placed = tuple[int, Point]


@dataclass
class _Taken:
    """What is to be stored of a request."""

    batch: Batch = field(default_factory=Batch)
    parts: list[Part] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    left_out: list[tuple[str, Row]] = field(default_factory=list)


class Metrics(OtlpFace):
    """Points of metrics."""

    name = "otlp_metrics"
    path = "/v1/metrics"
    request_type = ExportMetricsServiceRequest
    response_type = ExportMetricsServiceResponse
    rejected_field = "rejected_data_points"

    def count(self, message: ExportMetricsServiceRequest) -> int:
        """How many points."""
        return points.count(message)

    def find(self, message: ExportMetricsServiceRequest) -> FoundPoints:
        """Every point that a name gives a meaning."""
        return points.find(message, mapping.current())

    def stored_of(self, key: ApiKey, message: Any, request: Incoming) -> Answer:
        """Store the points in one transaction of their own, and answer."""
        found = self.find(message)
        limits = Limits.at(timezone.now())
        _batch, refused = prepare(_rows(found.points), key.client_id, limits)
        faulty = {one.index for one in refused}
        good = [(index, point) for index, point in found.points if index not in faulty]
        taken = _store(good, key, limits)
        rejections = [*found.rejections, *refused, *taken.rejections]
        rejections.sort(key=lambda one: one.index)
        self.count_left_out(key, found)
        self._count(key, good, taken, rejections)
        answer = self.answer(request, rejections)
        return Answer(answer.status, answer.content, answer.headers, rows=self.count(message))

    def _count(
        self, key: ApiKey, good: list[Placed], taken: _Taken, rejections: list[Rejection]
    ) -> None:
        rows = [point.row for _index, point in good]
        tally.counted(
            self.name,
            key.pk,
            stored=len(taken.batch) + len(taken.parts),
            rejected=len(rejections),
            newest=max((row.timestamp for row in rows if row.timestamp), default=None),
        )
        emitters = {(row.client_id or 0, row.component, row.service_name) for row in rows}
        tally.seen(emitters, timezone.now())
        for one in rejections:
            tally.refused(self.name, key.pk, one.field, f"{one.problem} {one.fix}")
        for reason, row in taken.left_out:
            example = f"{row.metric_name} of {row.service_name}: only remembered, to go on from."
            tally.refused(self.name, key.pk, reason, example)


def _rows(placed: Iterable[Placed]) -> list[tuple[int, Row]]:
    return [(index, point.row) for index, point in placed]


def _store(placed: list[Placed], key: ApiKey, limits: Limits) -> _Taken:
    """Everything of a request or nothing; series, rows and points each in one order everywhere."""
    taken = _Taken()
    placed = sorted(placed, key=lambda one: (one[1].series, one[1].time))
    with transaction.atomic():
        lasts = series.lock(
            {_key(point): point.row for _index, point in placed if point.kind is Kind.CUMULATIVE}
        )
        before = dict(lasts)
        since = series.began(key, limits) if None in lasts.values() else 0
        for index, point in placed:
            value: Value | None = point.value
            if point.kind is Kind.CUMULATIVE:
                value = _advance(point, lasts, since, taken)
            if value is not None:
                _take(index, point, value, taken)
        store.commit(taken.batch)
        series.add(taken.parts)
        series.remember({of: now for of, now in lasts.items() if now and now is not before[of]})
    return taken


def _key(point: Point) -> Key:
    return Key(point.row.client_id or 0, point.series, point.start)


def _advance(
    point: Point, lasts: dict[Key, Last | None], since: int, taken: _Taken
) -> Value | None:
    """What a cumulative point adds; its series goes on from it."""
    key = _key(point)
    step = advance(lasts[key], point, since)
    lasts[key] = step.last
    if step.reason:
        taken.left_out.append((step.reason, point.row))
    return step.value


def _take(index: int, point: Point, value: Value, taken: _Taken) -> None:
    row = point.row
    if isinstance(value, int | float):
        row.metric_value, row.event_id = value * point.factor, point.event_id
        taken.batch.add(row, binary.encode(row, synthetic=False))
        return
    try:
        histogram = convert(value, point.factor)
    except BadHistogram as fault:
        fix = "Measure in another unit, or with other buckets."
        taken.rejections.append(Rejection(index, "histogram", str(fault), fix))
        return
    if histogram.total:
        taken.parts.append(Part(_key(point), point.time, row, histogram))
