"""/metrics: what Prometheus reads, who may read it, and how often it is made."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts import keys
from accounts.models import ApiKey, Client
from aiosmon import metrics_page
from alerts.models import Alert
from metrics import rollups
from metrics.models import IntakeMinute
from slas import slis, versions

pytestmark = pytest.mark.django_db
LATENCY = "sla:simple_queries:latency"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    metrics_page.PAGES.forget()
    yield
    metrics_page.PAGES.forget()


@pytest.fixture
def read() -> Callable[..., dict[tuple[str, ...], float]]:
    """Scrape with a READ key: {(name, label values in order of names …): value}."""

    def scrape(client: Client | None = None) -> dict[tuple[str, ...], float]:
        text = keys.issue("prometheus", [ApiKey.Scope.READ], client=client)[1]
        answer = Browser().get("/metrics", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parsed(answer.content.decode())

    return scrape


def parsed(text: str) -> dict[tuple[str, ...], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            assert sample.name.startswith("aiosmon_")
            labels = (sample.labels[name] for name in sorted(sample.labels))
            found[sample.name, *labels] = sample.value
    return found


def count(client: Client, make_rows: Any, good: int, bad: int) -> None:
    """Rows of two minutes ago, rolled up and counted."""
    at = timezone.now() - timedelta(minutes=2)
    make_rows(client, [100.0] * good + [5000.0] * bad, timestamp=at)
    versions.sync(timezone.now())
    rollups.roll_up_all()
    slis.count_all()


def test_it_says_compliance_budget_and_burn_rates(
    acme: Client, make_rows: Any, read: Callable[..., Any]
) -> None:
    count(acme, make_rows, good=98, bad=2)
    found = read()
    at = ("acme", "cognitive_core", "latency", LATENCY)
    assert found["aiosmon_objective_compliance_ratio", *at] == 0.98
    assert found["aiosmon_objective_attained", *at] == 98.0
    assert found["aiosmon_objective_promised", *at] == 95.0
    assert found["aiosmon_objective_kept", *at] == 1
    assert found["aiosmon_objective_events", *at] == 100
    assert found["aiosmon_objective_error_budget_left_ratio", *at] == pytest.approx(0.6)
    for window in ("1h", "6h"):
        assert found["aiosmon_objective_burn_rate", *at, window] == pytest.approx(0.4)


def test_a_key_of_one_client_sees_only_that_one(
    acme: Client, globex: Client, make_rows: Any, read: Callable[..., Any]
) -> None:
    count(acme, make_rows, 10, 0)
    count(globex, make_rows, 10, 0)
    assert {"acme", "globex"} <= {name[1] for name in read() if len(name) > 3}
    assert {name[1] for name in read(acme) if len(name) > 3} == {"acme"}


def test_it_counts_todays_rows_and_open_alerts(
    acme: Client, globex: Client, make_user: Any, read: Callable[..., Any]
) -> None:
    key = keys.issue("sender", [ApiKey.Scope.INGEST], client=acme)[0]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for minute, stored in ((today, 7), (today - timedelta(minutes=1), 1000)):
        IntakeMinute.objects.create(
            minute=minute, api_key=key, face="rest", requests=1, stored=stored, rejected=2
        )
    fields: dict[str, Any] = {
        "alert_type": "sla_breach",
        "component": "cognitive_core",
        "metric_name": "m",
        "threshold_value": 1,
        "actual_value": 2,
        "alert_message": "x",
    }
    for number, (severity, status) in enumerate(
        [("high", "firing"), ("high", "acknowledged"), ("low", "resolved")]
    ):
        since: dict[str, Any] = {
            "resolved": {"resolved_at": timezone.now()},
            "acknowledged": {"acknowledged_at": timezone.now(), "acknowledged_by": make_user()},
        }.get(status, {})
        Alert.objects.create(
            client=acme,
            severity=severity,
            status=status,
            fingerprint=f"{number:064x}",
            **since,
            **fields,
        )
    for found in (read(), read(acme)):
        assert found["aiosmon_rows_ingested_today",] == 7
        assert found["aiosmon_rows_rejected_today",] == 2
        assert found["aiosmon_alerts_open", "high"] == 2
        assert found["aiosmon_alerts_open", "low"] == 0
    others = read(globex)
    assert others["aiosmon_rows_ingested_today",] == 0
    assert others["aiosmon_alerts_open", "high"] == 0


def test_labels_are_escaped(make_rows: Any, read: Callable[..., Any]) -> None:
    odd = Client.objects.create(code='a"b\\c\nd', name="Odd")
    count(odd, make_rows, 10, 0)
    assert any(name[1] == 'a"b\\c\nd' for name in read() if len(name) > 3)


def test_without_a_key_it_is_refused() -> None:
    answer = Browser().get("/metrics")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"]["field"] == "Authorization"


def test_a_key_that_may_only_send_is_refused() -> None:
    text = keys.issue("sender", [ApiKey.Scope.INGEST])[1]
    answer = Browser().get("/metrics", headers={"X-API-Key": text})
    assert answer.status_code == 403
    assert "read" in answer.json()["error"]["problem"]


@pytest.mark.parametrize(
    ("address", "status"),
    [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("11.1.2.3", 401), ("", 401)],
)
def test_allowed_addresses_need_no_key(settings: Any, address: str, status: int) -> None:
    settings.METRICS_ALLOW = [ip_network("10.0.0.0/8")]
    answer = Browser().get("/metrics", REMOTE_ADDR=address, headers={"X-Forwarded-For": "10.1.2.3"})
    assert answer.status_code == status


def test_only_get_is_taken() -> None:
    assert Browser().post("/metrics").status_code == 405


class Making:
    """Makes pages, counts them, and can be held up in the middle."""

    def __init__(self) -> None:
        self.made: list[int | None] = []
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.time = 0.0
        self.takes = 0.0

    def __call__(self, client_id: int | None, now: datetime) -> bytes:  # noqa: ARG002
        self.entered.set()
        assert self.go.wait(10)
        self.made.append(client_id)
        self.time += self.takes
        return b"%d" % len(self.made)

    def clock(self) -> float:
        return self.time


def test_a_page_is_made_once_in_a_while_for_each_client() -> None:
    making = Making()
    pages = metrics_page.Pages(making, making.clock)
    assert [pages.page(None), pages.page(None), pages.page(1)] == [b"1", b"1", b"2"]
    making.time += metrics_page.KEPT_SECONDS
    assert pages.page(None) == b"3"
    assert making.made == [None, 1, None]


def test_a_page_that_is_slow_to_make_is_made_less_often() -> None:
    making = Making()
    making.takes = 4.0
    pages = metrics_page.Pages(making, making.clock)
    pages.page(None)
    making.time += 39
    assert pages.page(None) == b"1"
    making.time += 1
    assert pages.page(None) == b"2"


def test_while_a_page_is_made_others_get_the_one_before() -> None:
    making = Making()
    pages = metrics_page.Pages(making, making.clock)
    pages.page(None)
    making.time += metrics_page.KEPT_SECONDS
    making.go.clear()
    making.entered.clear()
    thread = threading.Thread(target=pages.page, args=[None])
    thread.start()
    assert making.entered.wait(10)
    assert pages.page(None) == b"1"
    making.go.set()
    thread.join(10)
    assert pages.page(None) == b"2"
    assert len(making.made) == 2


def test_pages_are_kept_for_a_bounded_number_of_clients() -> None:
    making = Making()
    pages = metrics_page.Pages(making, making.clock)
    for number in range(metrics_page.MOST_PAGES + 50):
        pages.page(number)
    assert len(pages._pages) == metrics_page.MOST_PAGES
