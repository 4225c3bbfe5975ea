"""Alerts in every state, findings made to measure, and threads that start together."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert, AlertType, Severity, Silence, Status
from alerts.raising import opening
from slas.compliance import Finding
from slas.judge import Figures, judge
from slas.objectives import Kind, Objective, Promise

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """The clock's time: a person's actions are stamped with it too."""
    return timezone.now()


@pytest.fixture
def make_alert(acme: Client) -> Callable[..., Alert]:
    """Make an alert: ``make_alert("acknowledged", by=user)``."""

    def make(status: str = Status.FIRING, *, by: User | None = None, **fields: Any) -> Alert:
        now = timezone.now()
        if status == Status.ACKNOWLEDGED:
            fields |= {"acknowledged_by": by, "acknowledged_at": now}
        if status == Status.SUPPRESSED:
            fields = {"suppressed_by": "silence 1", **fields}
        if status == Status.RESOLVED:
            fields |= {"resolved_by": by, "resolved_at": now}
        defaults: dict[str, Any] = {
            "alert_type": AlertType.SLA_BREACH,
            "severity": Severity.MEDIUM,
            "component": "cognitive_core",
            "metric_name": "conversational_query_response_time",
            "threshold_value": 3000,
            "actual_value": 4000,
            "alert_message": "Too slow.",
            "client": acme,
            "fingerprint": f"{Alert.objects.count():064d}",
            "objective": "sla:simple_queries:latency",
        }
        return Alert.objects.create(status=status, **{**defaults, **fields})

    return make


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Make a finding from figures: ``finding(Kind.LIMIT, mean=80, threshold=70)``."""

    def make(kind: Kind = Kind.LATENCY, **fields: Any) -> Finding:
        counted = {name: fields.pop(name) for name in Figures.__annotations__ if name in fields}
        defaults: dict[str, Any] = {
            "promise": Promise.SLA,
            "code": "simple_queries",
            "metric_name": "conversational_query_response_time",
            "component": "cognitive_core",
            "unit": "ms",
            "threshold": 3000.0,
            "good_within": 3000.0,
            "share": 95.0,
            "window": timedelta(minutes=5),
            "minimum": 1,
        }
        objective = Objective(kind=kind, **{**defaults, **fields})
        figures = Figures(**{"total": 1, **counted})
        ruling = judge(objective, figures)
        return Finding(objective, 1, NOW - objective.window, NOW, figures, ruling)

    return make


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Call a function in several threads at once; return what each call returned."""

    def run(count: int, function: Callable[..., Any], *args: Any) -> list[Any]:
        barrier = threading.Barrier(count, timeout=10)

        def one(_number: int) -> Any:
            try:
                connection.ensure_connection()
                barrier.wait()
                return function(*args)
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count), timeout=30))

    return run


@pytest.fixture
def breach(acme: Client) -> Callable[..., Alert | None]:
    """Find a breach: ``breach("latency", severity="high", hold=timedelta(minutes=5))``."""

    def find(
        what: str = "latency", *, hold: timedelta | None = None, **fields: Any
    ) -> Alert | None:
        defaults: dict[str, Any] = {
            "alert_type": AlertType.SLA_BREACH,
            "severity": Severity.MEDIUM,
            "component": "cognitive_core",
            "metric_name": "conversational_query_response_time",
            "threshold_value": 3000,
            "actual_value": 4000,
            "alert_message": "Too slow.",
            "client": acme,
            "objective": f"sla:simple_queries:{what}",
        }
        fields = {**defaults, **fields}
        mark = (what, fields["component"], fields["client"].code)
        alert = Alert(fingerprint="/".join(mark), **fields)
        return opening.open_alert(alert, note="Too slow.", hold=hold)

    return find


@pytest.fixture
def make_silence(make_user: Callable[..., User]) -> Callable[..., Silence]:
    """Silence what has these facts: ``make_silence({"component": "cognitive_core"})``."""

    def make(equal: dict[str, str], **fields: Any) -> Silence:
        now = timezone.now()
        defaults: dict[str, Any] = {
            "starts_at": now - timedelta(minutes=1),
            "ends_at": now + timedelta(hours=1),
            "reason": "Known.",
        }
        owner = fields.pop("owner", None) or make_user("Responder")
        matchers = [{"name": name, "op": "=", "value": value} for name, value in equal.items()]
        return Silence.objects.create(matchers=matchers, owner=owner, **{**defaults, **fields})

    return make
