"""track(), current() and what rows take from the request around them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiosmon_sdk import Client, current, track

from tests.sdk.portal import FakePortal

pytestmark = pytest.mark.usefixtures("as_default")


@pytest.fixture
def sent(portal: FakePortal, client: Client) -> Callable[[], list[dict[str, Any]]]:
    def rows() -> list[dict[str, Any]]:
        assert client.flush(5)
        return portal.rows

    return rows


Sent = Callable[[], list[dict[str, Any]]]


def test_a_block_is_timed_and_may_say_more(sent: Sent) -> None:
    with track("work", component="data_intelligence", models=["m"]) as call:
        call.metadata["n"] = 1
        assert current() is call
    (row,) = sent()
    assert (row["metric_name"], row["component"]) == ("work", "data_intelligence")
    assert (row["ml_models_used"], row["metadata"]) == (["m"], {"n": 1})
    assert 0 < row["metric_value"] < 100


def test_an_exception_is_recorded_and_goes_on(sent: Sent) -> None:
    with pytest.raises(ValueError, match="broken"), track("work"):
        raise ValueError("broken")
    (row,) = sent()
    assert row["success"] is False
    assert row["metadata"] == {"error": "ValueError: broken"}


def test_functions_of_each_kind_keep_their_results(sent: Sent) -> None:
    @track("sync")
    def double(n: int) -> int:
        return 2 * n

    @track("async")
    async def triple(n: int) -> int:
        return 3 * n

    @track("generator")
    def count() -> Iterator[str]:
        got = yield "a"
        yield got
        return "result"  # a generator's result is what is tested

    @track("async generator")
    async def acount() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def all_of() -> list[int]:
        return [await triple(3), *[n async for n in acount()]]

    steps: Any = count()
    assert (double(2), next(steps), steps.send("b")) == (4, "a", "b")
    with pytest.raises(StopIteration, match="result"):
        next(steps)
    assert asyncio.run(all_of()) == [9, 1, 2]
    rows = {row["metric_name"]: row for row in sent()}
    assert set(rows) == {"sync", "async", "generator", "async generator"}
    for name in ("generator", "async generator"):
        assert 0 < rows[name]["metadata"]["ttfb_ms"] <= rows[name]["metric_value"]


def test_generators_that_fail_or_are_left_are_recorded(sent: Sent) -> None:
    @track("steps")
    def steps(*, fails: bool) -> Iterator[int]:
        yield 1
        if fails:
            raise KeyError("gone")
        yield 2

    @track("async steps")
    async def asteps() -> AsyncIterator[int]:
        yield 1
        raise KeyError("gone")

    async def consume() -> None:
        async for _ in asteps():
            pass

    with pytest.raises(KeyError):
        list(steps(fails=True))
    left: Any = steps(fails=False)
    next(left)
    left.close()
    with pytest.raises(KeyError):
        asyncio.run(consume())
    failed, aborted, afailed = (row["metadata"] | {"ok": row["success"]} for row in sent())
    assert failed["error"] == afailed["error"] == "KeyError: 'gone'"
    assert not failed["ok"]
    assert aborted["aborted"]
    assert aborted["ok"]


def test_inner_rows_belong_to_the_outer_call(sent: Sent) -> None:
    with track("outer", client="acme", complexity="simple") as outer:
        with track("inner"):
            current().models = ["m"]
        outer.complexity = "complex"
    inner_row, outer_row = sent()
    assert inner_row["request_id"] == outer_row["request_id"] == outer.request_id
    assert (inner_row["client"], inner_row["query_complexity"]) == ("acme", "simple")
    assert outer_row["ml_models_used"] == ["m"]


def test_overlapping_tasks_do_not_mix(sent: Sent) -> None:
    @track("task")
    async def task(n: int) -> None:
        current().metadata["n"] = n
        await asyncio.sleep(0.01)
        current().metadata["again"] = n

    async def main() -> None:
        await asyncio.gather(*(task(n) for n in range(20)))

    asyncio.run(main())
    found = [row["metadata"] for row in sent()]
    assert sorted(m["n"] for m in found) == list(range(20))
    assert all(m["n"] == m["again"] for m in found)


def test_a_recursive_function_is_timed_each_time(sent: Sent) -> None:
    @track("factorial")
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    assert factorial(3) == 6
    assert len(sent()) == 4


def test_a_cancelled_task_is_aborted_not_failed(sent: Sent) -> None:
    async def main() -> None:
        with track("work"):
            await asyncio.sleep(10)

    async def cancel() -> None:
        task = asyncio.create_task(main())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    (row,) = sent()
    assert row["success"] is True
    assert row["metadata"] == {"aborted": True}


def test_outside_of_everything_current_is_harmless(sent: Sent) -> None:
    current().models = ["m"]
    current().metadata["a"] = 1
    assert current().metadata == {}
    assert sent() == []
