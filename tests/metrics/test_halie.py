"""The HALIE trace as metric rows, and its way into the present. No database."""

from datetime import datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from typing import Any

import msgspec
import pytest

from metrics.ingest import schema
from metrics.replay import halie, trace
from metrics.replay.trace import Moment, Row, Trace, compact, shift, speed_for

MODELS = ("InstructDavinci", "InstructBabbage", "Davinci", "Jumbo")
RECORD = {
    "task": "metaphor",
    "session_id": "s1",
    "user": "u001",
    "model": "Jumbo",
    "latency_ms": "",
    "status": "no_answer",
    "prompt_chars": "69",
    "completion_chars": "",
    "max_tokens": "30",
    "temperature": "0.9",
}


@pytest.fixture(scope="module")
def study() -> Trace:
    return halie.load()


@pytest.fixture(scope="module")
def rows(study: Trace) -> list[Row]:
    return [row for _at, row in study.dated] + [row for group in study.undated for row in group]


@pytest.fixture(scope="module")
def moments(study: Trace) -> list[Moment]:
    return compact(study)


def of(rows: list[Row], metric: str, model: str | None = None) -> list[Row]:
    found = [row for row in rows if row["metric_name"] == metric]
    return [row for row in found if model in {None, row["ml_models_used"][0]}]


def test_it_has_every_request_and_every_rating(rows: list[Row]) -> None:
    requests = of(rows, "conversational_query_response_time")
    assert (len(requests), len(of(rows, "session_helpfulness"))) == (3979, 795)
    assert sum(not row["success"] for row in requests) == 133
    assert sum("no_answer" in row["metadata"] for row in requests) == 28


def test_its_request_ids_differ_and_stay_the_same(rows: list[Row]) -> None:
    ids = [row["request_id"] for row in rows]
    assert len(set(ids)) == len(ids)
    assert {"halie-000001", "halie-003979"} <= set(ids)
    assert halie.load().dated[122][1] == rows[122]


@pytest.mark.parametrize(("model", "p50"), [*zip(MODELS, (1023, 789, 4683, 4854), strict=True)])
def test_it_keeps_the_median_latency(rows: list[Row], model: str, p50: float) -> None:
    requests = of(rows, "conversational_query_response_time", model)
    found = median(row["metric_value"] for row in requests if row["success"])
    assert found == pytest.approx(p50, rel=0.02)


@pytest.mark.parametrize(("model", "score"), [*zip(MODELS, (4.00, 3.18, 3.00, 2.90), strict=True)])
def test_it_keeps_the_mean_helpfulness(rows: list[Row], model: str, score: float) -> None:
    ratings = of(rows, "session_helpfulness", model)
    assert mean(row["user_satisfaction_score"] for row in ratings) == pytest.approx(score, abs=0.01)
    assert all(row["user_satisfaction_score"] == row["metric_value"] for row in ratings)


def test_every_row_fits_the_wire_format(rows: list[Row]) -> None:
    decoded, rejections = schema.decode(msgspec.json.encode(rows), most=len(rows))
    assert (len(decoded), rejections) == (4774, [])


def test_complexity_follows_the_task(rows: list[Row]) -> None:
    found = {(row["metadata"]["task"], row.get("query_complexity")) for row in rows}
    assert found == {
        ("question", "simple"),
        ("metaphor", "moderate"),
        ("crossword", None),
        ("summarization", None),
    }


def test_an_unanswered_request_counts_with_the_callers_time_out() -> None:
    row = halie.request_row(7, RECORD)
    assert (row["metric_value"], row["success"]) == (30_000, False)
    assert row["request_id"] == "halie-000007"
    assert row["metadata"] == {
        "task": "metaphor",
        "session_id": "s1",
        "user": "u001",
        "status": "no_answer",
        "no_answer": True,
        "prompt_chars": 69,
        "max_tokens": 30,
        "temperature": 0.9,
    }


def test_a_failed_request_keeps_the_time_after_which_it_failed() -> None:
    row = halie.request_row(1, RECORD | {"status": "error", "latency_ms": "4366"})
    assert (row["metric_value"], row["success"]) == (4366, False)
    assert "no_answer" not in row["metadata"]


@pytest.mark.parametrize("status", ["ok", "error"])
def test_an_answer_without_a_latency_is_refused(status: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        halie.request_row(1, RECORD | {"status": status})


def test_a_rating_carries_the_other_answered_scales() -> None:
    blank = dict.fromkeys((*halie._SCALES, *halie._QUIZ), "")
    record = RECORD | blank | {"helpfulness": "4", "joy": "2", "n_correct_with_lm": "0"}
    expected: dict[str, Any] = {"task": "metaphor", "user": "u001", "joy": 2}
    assert halie.rating_row(record)["metadata"] == expected | {"n_correct_with_lm": 0}


def test_idle_gaps_are_cut_and_shorter_ones_kept(noon: datetime) -> None:
    hours = (0, 5, 11, 1000, 1001)
    dated = [(noon + timedelta(hours=hour), {"n": hour}) for hour in hours]
    moments = compact(Trace(list(reversed(dated))))
    assert [moment.offset / timedelta(hours=1) for moment in moments] == [0, 5, 11, 17, 18]
    assert [moment.row["n"] for moment in moments] == list(hours)


def test_undated_rows_are_spread_evenly_and_split_no_gap(noon: datetime) -> None:
    dated = [(noon, {}), (noon + timedelta(days=30), {})]
    moments = compact(Trace(dated, [[{"n": n} for n in range(3)], []]))
    offsets = {moment.row["n"]: moment.offset for moment in moments if moment.row}
    assert offsets == {n: timedelta(hours=1 + 2 * n) for n in range(3)}
    assert moments[-1].offset == trace.LONGEST_GAP


def test_a_trace_without_times_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        compact(Trace([], [[{}]]))


def test_no_gap_of_the_study_is_longer_than_the_cap(moments: list[Moment]) -> None:
    gaps = [after.offset - before.offset for before, after in pairwise(moments)]
    assert timedelta() <= min(gaps)
    assert max(gaps) <= trace.LONGEST_GAP
    assert timedelta(days=8) < moments[-1].offset < timedelta(days=9)


def test_the_default_speed_fits_the_span(moments: list[Moment], noon: datetime) -> None:
    speed = speed_for(moments, timedelta(days=7))
    times = [at for at, _row in shift(moments, end=noon, speed=speed)]
    assert times[-1] == noon
    assert abs(times[0] - (noon - timedelta(days=7))) < timedelta(milliseconds=1)


@pytest.mark.parametrize("speed", [0.7, 1, 1000])
def test_shifted_times_keep_the_order_and_the_scale(
    moments: list[Moment], noon: datetime, speed: float
) -> None:
    shifted = shift(moments, end=noon, speed=speed)
    times = [at for at, _row in shifted]
    assert times == sorted(times)
    assert [row for _at, row in shifted] == [moment.row for moment in moments]
    expected = (moments[900].offset - moments[100].offset) / speed
    assert abs(times[900] - times[100] - expected) < timedelta(milliseconds=1)
