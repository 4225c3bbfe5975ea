"""How a replay sends: retries, errors, live pacing, progress. Real HTTP, no database."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from metrics.replay.progress import Progress
from metrics.replay.sender import Sender, SendError, live_batches


class Script(ThreadingHTTPServer):
    """An HTTP server that answers as told, one answer after the other."""

    daemon_threads = True

    def __init__(self, answers: list[tuple[int, dict[str, str], Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Scripted)
        self.answers = answers
        self.bodies: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Scripted(BaseHTTPRequestHandler):
    server: Script

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, headers, answer = self.server.answers.pop(0)
        if not status:
            return  # the connection ends without an answer
        self.send_response(status)
        body = json.dumps(answer).encode()
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def script() -> Iterator[Script]:
    with Script([]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


STORED = (201, {}, {"stored": 1, "rejected": 0, "rejections": []})


def send_one(url: str) -> tuple[Sender, list[float]]:
    pauses: list[float] = []
    with Sender(url, "key", sleep=pauses.append) as sender:
        sender.send([{"n": 1}])
    return sender, pauses


def test_a_busy_portal_is_asked_again_after_the_time_it_names(script: Script) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    script.answers = [(503, {"Retry-After": "7"}, {}), (429, {"Retry-After": date}, {}), STORED]
    sender, pauses = send_one(script.url)
    assert pauses == [7, pytest.approx(20, abs=2)]
    assert (sender.stored, sender.perhaps_twice) == (1, 0)
    assert script.bodies == [[{"n": 1}]] * 3


def test_pauses_grow_and_end_after_five_tries(script: Script) -> None:
    script.answers = [(503, {}, {})] * 5
    pauses: list[float] = []
    with (
        Sender(script.url, "key", sleep=pauses.append) as sender,
        pytest.raises(SendError, match="tried 5 times: it answers 503"),
    ):
        sender.send([{"n": 1}])
    assert all(
        low <= pause <= 2 * low for low, pause in zip((0.25, 0.5, 1, 2), pauses, strict=True)
    )


def test_a_refused_connection_is_tried_again() -> None:
    pauses: list[float] = []
    with (
        Sender("http://127.0.0.1:1", "key", sleep=pauses.append) as sender,
        pytest.raises(SendError, match="ConnectError"),
    ):
        sender.send([{"n": 1}])
    assert (len(pauses), sender.perhaps_twice) == (4, 0)


def test_a_lost_answer_is_reported_as_a_possible_double(script: Script) -> None:
    script.answers = [(0, {}, None), STORED]
    sender, _pauses = send_one(script.url)
    assert (sender.stored, sender.perhaps_twice) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {}, ["elsewhere"]), 'answers 404: ."elsewhere".'),
        ((302, {}, {}), "answers 302"),
        ((503, {"Retry-After": "301"}, {}), "tried 1 times"),
        (
            (
                413,
                {},
                {"error": {"field": "(request)", "problem": "Too big.", "fix": "Send less."}},
            ),
            "answers 413: .request. Too big. Send less.",
        ),
    ],
)
def test_an_answer_that_no_repeat_would_change_ends_it(
    script: Script, answer: tuple[int, dict[str, str], Any], message: str
) -> None:
    script.answers = [answer]
    with pytest.raises(SendError, match=message):
        send_one(script.url)
    assert len(script.bodies) == 1


def test_live_rows_wait_for_their_time_and_share_requests(noon: datetime) -> None:
    now = noon

    def sleep(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    rows = [(noon + timedelta(seconds=at), {"n": at}) for at in (0, 1, 2, 2, 2, 100)]
    lots = live_batches(rows, 2, clock=lambda: now, sleep=sleep)
    sent = [((now - noon).total_seconds(), [row["n"] for _at, row in lot]) for lot in lots]
    assert sent == [(0, [0]), (1, [1]), (2, [2, 2]), (2, [2]), (100, [100])]


def test_the_bar_is_redrawn_on_a_terminal() -> None:
    written: list[str] = []
    bar = Progress(4, written.append, terminal=True)
    bar.add(1)
    bar.add(3)
    bar.close()
    assert written[0] == f"\r[{'#' * 7}{'.' * 23}]  25%  1 of 4 rows"
    assert written[1:] == [f"\r[{'#' * 30}] 100%  4 of 4 rows", "\n"]


def test_the_bar_is_a_line_for_each_tenth_elsewhere() -> None:
    written: list[str] = []
    bar = Progress(1000, written.append, terminal=False)
    for _ in range(1000):
        bar.add(1)
    bar.close()
    assert written == [
        f"{tenth * 10:3}%  {tenth * 100:,} of 1,000 rows\n" for tenth in range(1, 11)
    ]
