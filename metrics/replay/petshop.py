"""PetShop: five-minute figures of a deployed web shop, with faults that were injected on purpose.

data/petshop/SOURCE.md says where it comes from, docs/replay.md which choices are ours. The data
has aggregates; a row is a request. How many there were and how many failed is exact; how long
single ones took is reconstructed, so that median, 90th percentile and mean are the recorded ones.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from metrics.replay.trace import Dataset, Row, Trace

DATA = Path(__file__).resolve().parents[2] / "data" / "petshop"
STEP = timedelta(minutes=5)
NORMAL = "noissue"
# Requests of one interval have at most so many different latencies.
CLASSES = 100
MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Service:
    """A service of the shop, and what its rows are called here."""

    recorded: str
    name: str
    component: str
    category: str

    @property
    def metric_name(self) -> str:
        """The metric of its rows, in ms."""
        return f"{self.name}_response_time"


SITE = Service("PetSite", "petsite", "user_interface", "user_interface")
SEARCH = Service("PetSearch_AWS::ECS::Fargate", "petsearch", "data_intelligence", "system_health")
SERVICES = (SITE, SEARCH)


@dataclass(frozen=True)
class Interval:
    """Five minutes of one service, from ``start`` on. Latencies in ms."""

    scenario: str
    issue: str
    start: datetime
    requests: int
    failed: int
    mean: float
    p50: float
    p90: float


@dataclass(frozen=True)
class Incident:
    """An injected fault, and when its alarm went off in the recording."""

    scenario: str
    issue: str
    detected_at: datetime
    service: str
    metric: str  # latency or availability
    cause: str


def intervals(service: Service = SITE, folder: Path = DATA) -> list[Interval]:
    """All recorded intervals of a service, in order of time.

    Raises OSError without the file, KeyError or ValueError for one of another form.
    """
    found: dict[tuple[str, str, datetime], dict[str, float]] = {}
    for one in _records(folder / "metrics_selected_services.csv"):
        if one["service"] == service.recorded:
            key = (one["scenario"], one["issue"], datetime.fromisoformat(one["timestamp"]))
            name = f"{one['metric']} {one['statistic']}"
            found.setdefault(key, {})[name] = float(one["value"])
    return sorted((_interval(*key, told) for key, told in found.items()), key=lambda i: i.start)


def incidents(folder: Path = DATA) -> list[Incident]:
    """The injected faults, in order of time. Raises as ``intervals`` does."""
    found = [
        Incident(
            scenario=one["scenario"],
            issue=one["issue"],
            detected_at=datetime.fromisoformat(one["detected_at"]),
            service=one["node"],
            metric=one["metric"],
            cause=one["root_cause_node"],
        )
        for one in _records(folder / "incidents.csv")
    ]
    return sorted(found, key=lambda one: one.detected_at)


def rows(
    recorded: Iterable[Interval], service: Service = SITE, move: timedelta = timedelta()
) -> Iterator[tuple[datetime, Row]]:
    """The requests of the intervals, moved in time by ``move``; rows that are alike are shared."""
    for one in recorded:
        made: dict[tuple[float, bool], Row] = {}
        metadata = {"reconstructed": True, "scenario": one.scenario, "issue": one.issue}
        for slot, (latency, success) in enumerate(_requests(one)):
            key = (latency, success)
            if key not in made:
                made[key] = _row(service, latency, success, metadata)
            yield one.start + move + slot * STEP / one.requests, made[key]


def lined_up(recorded: Iterable[Interval], start: datetime) -> list[Interval]:
    """The same intervals one after another from ``start`` on, whatever lay between them."""
    return [replace(one, start=start + number * STEP) for number, one in enumerate(recorded)]


def latencies(one: Interval) -> list[float]:
    """PURE: the interval's latencies in ms, sorted: median, 90th percentile and mean as recorded.

    Half lie evenly between p50/2 and p50, four tenths rise with the cube from p50 to p90, the rest
    is p90 and an exponential excess that makes the mean right (none where the mean is too small).
    """
    places = [
        (min(number * CLASSES // one.requests, CLASSES - 1) + 0.5) / CLASSES
        for number in range(one.requests)
    ]
    body = [_body(place, one) for place in places if place < 0.9]
    excess = [-math.log(1 - (place - 0.9) / 0.1) for place in places if place >= 0.9]
    missing = one.requests * one.mean - math.fsum(body) - len(excess) * one.p90
    scale = max(0.0, missing / math.fsum(excess)) if excess else 0.0
    return [*body, *(one.p90 + scale * part for part in excess)]


def load() -> Trace:
    """The requests of the web site: the incidents' recordings and the normal run."""
    return Trace(list(rows(intervals())))


def _interval(scenario: str, issue: str, start: datetime, told: dict[str, float]) -> Interval:
    requests = round(told["requests Sum"])
    return Interval(
        scenario=scenario,
        issue=issue,
        start=start,
        requests=requests,
        # The recorded availability is the share that succeeded: always a whole number of requests.
        failed=round(requests * (1 - told["availability Average"] / 100)),
        mean=told["latency Average"] * MILLISECONDS,
        p50=told["latency p50"] * MILLISECONDS,
        p90=told["latency p90"] * MILLISECONDS,
    )


def _body(place: float, one: Interval) -> float:
    if place < 0.5:
        return one.p50 * (0.5 + place)
    return one.p50 + (one.p90 - one.p50) * ((place - 0.5) / 0.4) ** 3


def _requests(one: Interval) -> Sequence[tuple[float, bool]]:
    """Latency and success in order of time: slow and failed ones are spread over the interval."""
    values = latencies(one)
    stride = max(1, round(0.618 * one.requests))
    while math.gcd(stride, one.requests) > 1:
        stride += 1
    failed = {int((n + 0.5) * one.requests / one.failed) for n in range(one.failed)}
    return [
        (values[slot * stride % one.requests], slot not in failed) for slot in range(one.requests)
    ]


def _row(service: Service, latency: float, success: bool, metadata: dict[str, Any]) -> Row:
    return {
        "metric_name": service.metric_name,
        "metric_category": service.category,
        "metric_value": latency,
        "measurement_unit": "ms",
        "component": service.component,
        "service_name": service.name,
        "success": success,
        "metadata": metadata,
    }


def _records(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


DATASET = Dataset(
    code="petshop",
    client_code="petshop",
    client_name="PetShop (Amazon Science)",
    load=load,
)
