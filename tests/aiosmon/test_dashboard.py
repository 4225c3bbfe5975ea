"""The front page: right figures, only what a person may see, in a bounded number of queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import Client, User
from accounts.roles import VIEWER
from aiosmon import dashboard, pulse
from aiosmon.dashboard import compliance, components, sparkline
from alerts.models import Alert, Channel, Route
from alerts.raising import evaluation
from metrics import rollups
from metrics.models import Probe
from slas import objectives
from slas.models import Sla, Verdict
from slas.objectives import Objective

MakeRows = Callable[..., Any]
MakeUser = Callable[..., User]
# Four of them are the admin's own: session, user, and both kinds of permission.
MOST_QUERIES = 21
# Four panels each ask first which clients a limited person may see.
MOST_QUERIES_LIMITED = MOST_QUERIES + 4


def plain(text: str) -> str:
    """The text with ordinary spaces."""
    return text.replace("\u00a0", " ")


def front_page(user: User) -> dict[str, Any]:
    """What the front page shows this person."""
    request = RequestFactory().get("/admin/")
    request.user = user
    return dashboard.context(request, {})


def measured(make_rows: MakeRows, client: Client, *, slow: int = 0, fast: int = 0) -> None:
    """Rows of simple queries, rolled up and judged."""
    make_rows(client, [9000.0] * slow + [500.0] * fast)
    rollups.roll_up_all()
    evaluation.evaluate()


@pytest.fixture
def viewer(make_user: MakeUser) -> User:
    """Someone who sees everything and changes nothing."""
    return make_user(VIEWER)


@pytest.mark.django_db
def test_it_shows_the_hour_of_a_component(viewer: User, acme: Client, make_rows: MakeRows) -> None:
    make_rows(acme, [2000.0] * 20)
    make_rows(acme, [50.0], success=False)
    rollups.roll_up_all()
    tile = next(t for t in front_page(viewer)["components"].tiles if t.name == "Cognitive core")
    assert (tile.count, tile.counted, plain(tile.errors)) == ("21", "requests/h", "4.7 %")
    assert (tile.level, tile.word) == ("ok", "Healthy")
    assert plain(tile.p95) == "2,000 ms"
    assert "from 2,000 ms to 2,000 ms; 59 minutes without data" in plain(tile.spark.title)


@pytest.mark.django_db
def test_it_shows_open_alerts_and_the_broken_promise(
    viewer: User, acme: Client, make_rows: MakeRows
) -> None:
    measured(make_rows, acme, slow=20, fast=20)
    shown = front_page(viewer)
    assert {item.what for item in shown["alerts"].items} == {
        "Simple queries: latency",
        "Simple queries: availability",
    }
    assert shown["components"].tiles[0].level == "critical"
    assert shown["compliance"].breached == 1
    group = next(g for g in shown["compliance"].groups if g.name == "Simple queries")
    latency = group.rows[0]
    assert (latency.word, latency.current, latency.client) == (
        "Breached",
        "50\u00a0%",
        "Acme Manufacturing",
    )
    assert latency.bars_title == "Last 60 minutes: 1 breached, 59 no verdict"


@pytest.mark.django_db
def test_it_names_the_worst_client(
    viewer: User, acme: Client, globex: Client, make_rows: MakeRows
) -> None:
    make_rows(acme, [500.0] * 10)
    measured(make_rows, globex, slow=2, fast=8)
    group = next(g for g in front_page(viewer)["compliance"].groups if g.name == "Simple queries")
    assert group.rows[0].client == "Globex Retail"


@pytest.mark.django_db
def test_it_keeps_other_clients_from_a_limited_person(
    make_user: MakeUser, acme: Client, globex: Client, make_rows: MakeRows
) -> None:
    measured(make_rows, globex, slow=10)
    shown = front_page(make_user(VIEWER, clients=[acme]))
    assert shown["alerts"].total == 0
    assert shown["components"].rows == 0
    assert (shown["compliance"].kept, shown["compliance"].breached) == (0, 0)
    assert all(not row.client for group in shown["compliance"].groups for row in group.rows)


@pytest.mark.django_db
def test_it_shows_a_limited_person_their_own(
    make_user: MakeUser, acme: Client, globex: Client, make_rows: MakeRows
) -> None:
    make_rows(globex, [500.0] * 50)
    measured(make_rows, acme, slow=10)
    shown = front_page(make_user(VIEWER, clients=[acme]))
    assert (shown["alerts"].total, shown["components"].rows) == (2, 10)


@pytest.mark.django_db
def test_it_leaves_out_what_a_person_has_no_permission_for(make_user: MakeUser) -> None:
    browser = Browser()
    browser.force_login(make_user())
    response = browser.get("/admin/")
    assert "You have no role yet" in response.content.decode()
    panels = ("alerts", "components", "compliance", "probes")
    assert [response.context[panel] for panel in panels] == [None] * 4


@pytest.mark.django_db
def test_it_says_what_to_do_when_there_are_no_rows(viewer: User, settings: Any) -> None:
    settings.PORTAL_URL = "https://portal.example.org/"
    browser = Browser()
    browser.force_login(viewer)
    shown = browser.get("/admin/").content.decode()
    assert "No rows in the last hour" in shown
    assert "curl https://portal.example.org/api/v1/metrics/" in shown


@pytest.mark.django_db
def test_it_shows_failed_probes_first(viewer: User, platform: Client) -> None:
    common = {"kind": "page_load", "component": "user_interface", "client": platform}
    Probe.objects.create(name="a", last_outcome="ok", last_value=120, **common)
    Probe.objects.create(name="b", last_outcome="failed", last_error="No answer.", **common)
    Probe.objects.create(name="c", enabled=False, **common)
    probes = front_page(viewer)["probes"]
    assert [(p.name, plain(p.result)) for p in probes.items] == [
        ("b", "No answer."),
        ("a", "120 ms"),
    ]
    assert (probes.ok, probes.failed, probes.total) == (1, 1, 2)


@pytest.mark.django_db
def test_it_says_calmly_that_nobody_is_told_yet(viewer: User) -> None:
    told = front_page(viewer)["delivery"]
    assert (told.level, told.word) == ("", "Nobody")
    channel = Channel.objects.create(name="Ops", kind="webhook")
    assert front_page(viewer)["delivery"].more == "No route leads to a channel"
    Route.objects.create(name="All").channels.add(channel)
    assert front_page(viewer)["delivery"].word == "Told"
    Channel.objects.update(failures=2)
    assert front_page(viewer)["delivery"].word == "Failing"


@pytest.mark.django_db
def test_it_says_whether_the_heart_beats(viewer: User) -> None:
    watching = front_page(viewer)["watching"]
    assert watching.stopped == ["Scheduler", "Worker", "Probe worker", "Evaluation", "Delivery"]
    assert watching.parts[0].problem.startswith("No heartbeat yet")
    for part in pulse.PARTS:
        pulse.beat(part.name)
    assert front_page(viewer)["watching"].stopped == []


@pytest.mark.django_db
@pytest.mark.parametrize("limited", [False, True])
def test_it_takes_a_bounded_number_of_queries(
    make_user: MakeUser, acme: Client, globex: Client, make_rows: MakeRows, limited: bool
) -> None:
    for client in (acme, globex):
        measured(make_rows, client, slow=10)
    assert Alert.objects.count() == 4
    browser = Browser()
    browser.force_login(make_user(VIEWER, clients=[acme, globex] if limited else None))
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/admin/").status_code == 200
    assert len(queries) <= (MOST_QUERIES_LIMITED if limited else MOST_QUERIES)


@pytest.mark.parametrize(
    ("values", "lines", "dots"),
    [
        ([], (), ()),
        ([None, None], (), ()),
        ([1, 2], ("2,20 238,2",), ()),
        ([0, 0], ("2,38 238,38",), ()),
        ([4, None, 2], (), ("2,2 2,2", "238,20 238,20")),
        ([1, 1, None, 1], ("2,2 80.7,2",), ("238,2 238,2",)),
    ],
)
def test_a_sparkline_breaks_at_gaps(
    values: list[float | None], lines: tuple[str, ...], dots: tuple[str, ...]
) -> None:
    drawn = sparkline.draw(values, "")
    assert (drawn.lines, drawn.dots) == (lines, dots)


@pytest.mark.parametrize(
    ("worst", "rows", "found"),
    [
        ("critical", 0, ("critical", "Critical")),
        ("high", 5, ("high", "Impaired")),
        ("medium", 5, ("medium", "Degraded")),
        ("low", 5, ("low", "Minor breach")),
        (None, 5, ("ok", "Healthy")),
        (None, 0, ("none", "No data")),
    ],
)
def test_a_component_is_as_bad_as_its_worst_alert(
    worst: str | None, rows: int, found: tuple[str, str]
) -> None:
    assert components.state(worst, rows) == found


def test_the_main_metric_is_the_promised_one() -> None:
    traffic = components.Traffic()
    for metric, unit, rows, promised in [
        ("cpu", "percent", 900, False),
        ("frequent", "ms", 5, False),
        ("main", "ms", 50, True),
        ("memory", "mb", 990, False),
    ]:
        traffic.add(metric, unit, rows, rows - 1, promised=promised)
    assert (traffic.main_metric, traffic.unit) == ("main", "ms")
    assert (traffic.rows, traffic.requests, traffic.failed) == (1945, 55, 2)


def latency(share: float = 95.0) -> Objective:
    """The latency objective of an SLA, as the portal makes it."""
    sla = Sla(
        code="simple",
        target_response_time=3000,
        max_response_time=6000,
        latency_share=share,
        availability=99.5,
        user_satisfaction_target=4.5,
    )
    return objectives.of_sla(sla)[0]


def verdict(status: str, good: int, total: int, actual: float = 1000.0) -> Verdict:
    """A verdict that is not stored."""
    return Verdict(status=status, good=good, total=total, actual=actual, threshold=3000)


def test_the_worst_verdict_is_a_breach_then_the_lower_share() -> None:
    worse, better = verdict("breach", 5, 10), verdict("breach", 9, 10)
    poor = verdict("insufficient_data", 0, 1)
    kept = verdict("ok", 10, 10)
    assert compliance.worst_verdict(latency(), [kept, better, worse, poor]) is worse
    assert compliance.worst_verdict(latency(), [poor, kept]) is kept
    assert compliance.worst_verdict(latency(), []) is None


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (None, ("–", "")),
        (verdict("ok", 96, 100), ("96 %", "p95 1,000 ms, 100 requests")),
        # 94.96 % is not 95 %.
        (verdict("breach", 9496, 10000), ("94.9 %", "p95 1,000 ms, 10,000 requests")),
    ],
)
def test_it_words_the_current_figure(found: Verdict | None, texts: tuple[str, str]) -> None:
    assert tuple(map(plain, compliance.current_and_detail(latency(), found))) == texts


def test_it_words_the_promises() -> None:
    sla = Sla(
        code="simple",
        target_response_time=3000,
        max_response_time=6000,
        availability=99.5,
        user_satisfaction_target=4.5,
    )
    assert [plain(compliance.promise(objective)) for objective in objectives.of_sla(sla)] == [
        "≥ 95 % within 3,000 ms",
        "≥ 99.5 % within 6,000 ms",
        "≥ 4.5 of 5",
    ]


def test_the_strip_is_told_in_words() -> None:
    ranks = [0] * 50 + [1] * 2 + [2] * 7 + [3]
    told = "Last 60 minutes: 1 breached, 7 kept, 2 too little data, 50 no verdict"
    assert compliance.strip_title(ranks) == told
