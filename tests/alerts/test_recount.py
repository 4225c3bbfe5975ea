"""Every number of the evidence equals a recount, over two real recordings; what doesn't, shows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from itertools import chain
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Client
from alerts.models import Alert
from alerts.raising import evaluation
from alerts.recount import Recount
from alerts.recount.rows import quantile
from tests.alerts import replays
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]


def recompute(**options: Any) -> str:
    out = StringIO()
    call_command("recompute_alerts", stdout=out, **options)
    return out.getvalue()


def test_a_hundred_alerts_of_the_recordings_equal_a_recount(settings: Any) -> None:
    # Each time is to open alerts of its own, though all come within minutes of the clock.
    settings.REOPEN_SECONDS, settings.FLAP_CHANGES = 0, 10**6
    end = replays.now()
    shop = replays.promise(end - 10 * replays.DAY)
    asked = [replays.next_minute(at) for at in replays.load_halie(end)[::60]]
    intervals = replays.load_petshop(shop, end - timedelta(hours=12), incidents=5)
    replays.count()
    breached = [one.start + timedelta(minutes=5) for one in intervals if one.failed > 12]
    times = list(chain.from_iterable(zip(asked, breached * 20, strict=False)))
    assert replays.raise_alerts(times, enough=100) >= 100
    recount = Recount()
    for alert in Alert.objects.select_related("client"):
        assert recount.of(alert) == [], str(alert)
        assert recount.notes == []
    assert recount.compared > 3000
    assert {alert.evidence["kind"] for alert in Alert.objects.all()} == {
        "latency", "availability", "satisfaction", "limit"
    }  # fmt: skip
    of_shop = Alert.objects.filter(client=shop)
    assert of_shop.count() >= 5
    assert any(alert.impact["credit"] for alert in of_shop)
    assert all(alert.impact["budget_left"] is not None for alert in of_shop)


@pytest.fixture
def alert(acme: Client, make_rows: MakeRows, now: datetime) -> Alert:
    make_rows(acme, [4000.0] * 8 + [100.0] * 2, timestamp=now, request_id="r")
    evaluation.evaluate(now)
    return Alert.objects.get()


def test_the_command_says_that_all_is_right(alert: Alert) -> None:
    assert recompute(last=5).endswith(" numbers, 0 differ.\n")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("counts", "good"), 3),
        (("counts", "given_up"), 1),
        (("values", "p95"), 4000.1),
        (("values", "mean"), 3220.00001),
        (("affected", "clients"), 2),
        (("affected", "users"), [{"user_id": 1, "bad": 1}]),
        (("concurrent", "alerts_of_other_clients"), 1),
    ],
)
def test_a_number_that_is_wrong_is_named(alert: Alert, path: tuple[str, str], value: Any) -> None:
    alert.evidence[path[0]][path[1]] = value
    alert.save(update_fields=["evidence"])
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("recompute_alerts", alert=alert.pk, stdout=out)
    assert ".".join(path) in out.getvalue()
    assert " 1 differ." in out.getvalue()


@pytest.mark.parametrize(("name", "value"), [("bad", 9), ("burn", 3.0), ("budget_left", 0.5)])
def test_so_is_one_of_the_impact(alert: Alert, name: str, value: float) -> None:
    alert.impact[name] = value
    assert [one.name for one in Recount().of(alert)] == [f"impact.{name}"]


def test_a_row_that_is_gone_shows(alert: Alert) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ai_performance_metrics WHERE metric_value = 100")
    names = {one.name for one in Recount().of(alert)}
    assert {"counts.total", "counts.good", "values.mean"} <= names


def test_rows_that_came_later_are_told_and_left_out(
    alert: Alert, acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [9000.0] * 3, timestamp=later(now, -60))
    recount = Recount()
    assert recount.of(alert) == []
    assert recount.notes == ["3 rows of the window were stored later and are left out"]


def test_an_alert_of_another_system_has_nothing_to_count(make_alert: Callable[..., Alert]) -> None:
    recount = Recount()
    assert recount.of(make_alert(alert_type="external")) == []
    assert len(recount.notes) == 1


def test_the_quantile_is_postgresqls(db: None) -> None:
    values = [3.0, 1.5, 8.25, 8.25, 0.5, 100.0]
    for share in (0.0, 0.5, 0.77, 0.95, 1.0):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT percentile_cont(%s) WITHIN GROUP (ORDER BY v) FROM unnest(%s::float8[]) v",
                [share, values],
            )
            assert quantile(values, share) == pytest.approx(cursor.fetchone()[0])
