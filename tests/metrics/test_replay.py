"""``manage.py replay`` against a real HTTP server, read back with SQL."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from accounts import keys
from accounts.models import ApiKey, Client

REQUESTS = """
SELECT ml_models_used ->> 0, count(*), count(*) FILTER (WHERE NOT success),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY metric_value) FILTER (WHERE success)
FROM ai_performance_metrics m JOIN clients c ON c.id = m.client_id
WHERE c.code = 'halie' AND metric_name = 'conversational_query_response_time' GROUP BY 1
"""
RATINGS = """
SELECT ml_models_used ->> 0, count(*), avg(user_satisfaction_score)
FROM ai_performance_metrics m JOIN clients c ON c.id = m.client_id
WHERE c.code = 'halie' AND metric_name = 'session_helpfulness' GROUP BY 1
"""
SPAN = """
SELECT min(m.timestamp), max(m.timestamp), count(*), count(DISTINCT m.request_id)
FROM ai_performance_metrics m JOIN clients c ON c.id = m.client_id WHERE c.code = 'halie'
"""


@dataclass
class Run:
    """What a replay printed, and what was in the database when it had ended."""

    at: datetime
    output: str
    errors: str
    requests: dict[str, tuple[Any, ...]]
    ratings: dict[str, tuple[Any, ...]]
    span: tuple[datetime, datetime, int, int]


def query(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def replay(url: str, **options: Any) -> Run:
    at, out, err = timezone.now(), StringIO(), StringIO()
    call_command("replay", "halie", url=url, yes=True, stdout=out, stderr=err, **options)
    requests = {model: tuple(figures) for model, *figures in query(REQUESTS)}
    ratings = {model: tuple(figures) for model, *figures in query(RATINGS)}
    span = query(SPAN)[0]
    return Run(at, out.getvalue(), err.getvalue(), requests, ratings, span)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A real HTTP server over the test database.

    Rows that a test's own transaction held would be invisible to it, and
    truncating every table after each test would mean a replay for each: the
    replays are committed, and removed at the end.
    """
    with django_db_blocker.unblock():
        server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("ai_performance_metrics", "pending_minutes", "api_keys"):
            cursor.execute(
                f"DELETE FROM {table} USING clients c "  # noqa: S608
                f"WHERE c.id = {table}.client_id AND c.code = 'halie'"
            )
        cursor.execute("DELETE FROM clients WHERE code = 'halie'")


@pytest.fixture(scope="module")
def first_run(portal: str, django_db_blocker: DjangoDbBlocker) -> Run:
    with django_db_blocker.unblock():
        return replay(portal)


@pytest.fixture(scope="module")
def second_run(portal: str, first_run: Run, django_db_blocker: DjangoDbBlocker) -> Run:
    """The same once more, live: the whole study in about two seconds."""
    with django_db_blocker.unblock():
        return replay(portal, speed=400_000, live=True)


@pytest.mark.parametrize(
    ("model", "total", "p50"),
    [
        ("InstructDavinci", 962, 1023),
        ("InstructBabbage", 1107, 789),
        ("Davinci", 1049, 4683),
        ("Jumbo", 861, 4854),
    ],
)
@pytest.mark.django_db
def test_the_database_agrees_on_latency(first_run: Run, model: str, total: int, p50: float) -> None:
    assert first_run.requests[model][0] == total
    assert first_run.requests[model][2] == pytest.approx(p50, rel=0.02)


@pytest.mark.django_db
def test_failed_and_unanswered_requests_count_against_availability(first_run: Run) -> None:
    assert sum(total for total, _failed, _p50 in first_run.requests.values()) == 3979
    assert sum(failed for _total, failed, _p50 in first_run.requests.values()) == 133


@pytest.mark.parametrize(
    ("model", "score"),
    [("InstructDavinci", 4.00), ("InstructBabbage", 3.18), ("Davinci", 3.00), ("Jumbo", 2.90)],
)
@pytest.mark.django_db
def test_the_database_agrees_on_helpfulness(first_run: Run, model: str, score: float) -> None:
    assert sum(total for total, _mean in first_run.ratings.values()) == 795
    assert first_run.ratings[model][1] == pytest.approx(score, abs=0.01)


@pytest.mark.django_db
def test_it_fills_the_last_seven_days_and_no_future(first_run: Run) -> None:
    first, last, _rows, _ids = first_run.span
    assert last - first == pytest.approx(timedelta(days=7), abs=timedelta(seconds=1))
    assert (
        timedelta(seconds=50) < first_run.at - last + timedelta(seconds=30) < timedelta(minutes=2)
    )


@pytest.mark.django_db
def test_it_makes_the_client_and_revokes_its_key(first_run: Run) -> None:
    assert Client.objects.get(code="halie").name == "HALIE study (Stanford CRFM)"
    key = ApiKey.objects.filter(client__code="halie").earliest("created_at")
    assert key.scopes == ["ingest"]
    assert key.last_used_at is not None
    assert key.revoked_at is not None


@pytest.mark.django_db
def test_it_says_what_it_sent(first_run: Run) -> None:
    assert "4,774 rows stored, 0 rejected" in first_run.output
    lines = [line.split() for line in first_run.output.splitlines()]
    assert ["Davinci", "1,049", "51", "194"] in lines
    assert ["all", "3,979", "133", "795"] in lines
    assert first_run.errors.splitlines()[-1] == "100%  4,774 of 4,774 rows"


@pytest.mark.django_db
def test_a_second_run_only_adds_rows(first_run: Run, second_run: Run) -> None:
    assert "4,774 rows stored, 0 rejected" in second_run.output
    assert second_run.span[2:] == (2 * 4774, 4774)
    assert second_run.requests["Jumbo"] == (2 * 861, 2 * 40, first_run.requests["Jumbo"][2])


@pytest.mark.django_db
def test_live_rows_carry_the_time_at_which_they_were_sent(second_run: Run) -> None:
    assert second_run.at < second_run.span[1] < timezone.now()
    assert second_run.span[1] - second_run.at > timedelta(seconds=1)


@pytest.fixture
def key(first_run: Run, portal: str, django_db_blocker: DjangoDbBlocker) -> str:
    """A key that the server can see: made by a connection of its own."""
    made: list[str] = []

    def make() -> None:
        client = Client.objects.get(code="halie")
        made.append(keys.issue("second", [ApiKey.Scope.INGEST], client=client)[1])
        connection.close()

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


@pytest.mark.django_db
def test_rejected_rows_are_shown_and_fail_the_run(first_run: Run, portal: str, key: str) -> None:
    err, before = StringIO(), query(SPAN)[0][2]
    with pytest.raises(CommandError, match="rejected 4,774 rows"):
        call_command(
            "replay", "halie", url=portal, yes=True, api_key=key, client="nobody", stderr=err
        )
    told = [line for line in err.getvalue().splitlines() if line.startswith("rejected: ")]
    line = "rejected: client: This API key may not report for this client. Leave it out."
    assert told == [line] * 5
    assert query(SPAN)[0][2] == before


@pytest.mark.django_db
def test_a_wrong_key_ends_it_at_once(portal: str) -> None:
    with pytest.raises(CommandError, match="answers 401: Authorization Unknown API key"):
        call_command("replay", "halie", url=portal, yes=True, api_key="aiosmon_0_0")


@pytest.mark.django_db
def test_a_terminated_run_revokes_its_key(first_run: Run, portal: str) -> None:
    options = connection.settings_dict
    secret, where = quote(options["PASSWORD"], safe=""), f"{options['HOST']}:{options['PORT']}"
    database = f"postgresql://{options['USER']}:{secret}@{where}/{options['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "replay", "halie", "--live", "--yes", "--url", portal],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    used = ApiKey.objects.filter(client__code="halie", revoked_at=None, name__startswith="Replay")
    deadline = time.monotonic() + 30
    while not used.exclude(last_used_at=None).exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _out, errors = process.communicate(timeout=30)
    assert (process.returncode, "Stopped before the end." in errors) == (130, True)
    assert not used.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 30.0}, "rows are kept for 14: use --days 13.9 or less, or --speed 0.62 or more"),
        ({"speed": 0.5}, "would go back 17.2 days"),
        ({"batch": 0}, "--batch: send 1 to 10,000 rows"),
        ({"url": "localhost:8000"}, "--url: write it as http"),
        ({"client": "No such code!"}, "--client: Use a-z"),
    ],
)
@pytest.mark.django_db
def test_what_cannot_work_is_refused_before_sending(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("replay", "halie", yes=True, **options)
    assert not ApiKey.objects.filter(client__code="No such code!").exists()


@pytest.mark.django_db
def test_an_inactive_client_is_refused(acme: Client) -> None:
    Client.objects.filter(pk=acme.pk).update(active=False)
    with pytest.raises(CommandError, match="“acme” is inactive"):
        call_command("replay", "halie", yes=True, client="acme")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_only_a_yes_sends(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    out = StringIO()
    with pytest.raises(CommandError, match="Nothing was sent"):
        call_command("replay", "halie", stdout=out)
    assert "Send 4,774 rows of halie to http" in out.getvalue()
    assert out.getvalue().endswith("as of the last 7 days? [y/N] ")


def test_with_nobody_to_ask_it_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    with pytest.raises(CommandError, match="add --yes"):
        call_command("replay", "halie")
