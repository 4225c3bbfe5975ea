"""GET /api/v1/metrics/."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts import keys
from accounts.models import ApiKey, Client

URL = "/api/v1/metrics/"
Get = Callable[..., Any]


@pytest.fixture
def get(db: None) -> Get:
    """Read with a key: ``get(client=acme, component="x")``."""

    def read(bound_to: Client | None = None, **parameters: str) -> Any:
        _key, text = keys.issue("reader", [ApiKey.Scope.READ], client=bound_to)
        headers = {"Authorization": f"Bearer {text}"}
        return Browser().get(URL, parameters, headers=headers)

    return read


def values(answer: Any) -> list[float]:
    """The values on a page."""
    return [row["metric_value"] for row in answer.json()["results"]]


def test_it_reads_rows_back_with_their_clients_code(get: Get, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.5], request_id="r1", metadata={"a": 1})
    (row,) = get().json()["results"]
    assert (row["client"], row["metric_value"], row["request_id"]) == ("acme", 1.5, "r1")
    assert row["metadata"] == {"a": 1}


def test_it_filters(get: Get, acme: Client, globex: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0], success=False)
    make_rows(globex, [2.0], query_complexity="complex")
    assert values(get(client="acme")) == [1.0]
    assert values(get(query_complexity="complex")) == [2.0]
    assert values(get(success="false")) == [1.0]


def test_a_key_of_one_client_sees_no_other(
    get: Get, acme: Client, globex: Client, make_rows: Any
) -> None:
    make_rows(acme, [1.0])
    make_rows(globex, [2.0])
    assert values(get(bound_to=acme)) == [1.0]
    assert values(get(bound_to=acme, client="globex")) == []


def test_pages_follow_one_another_without_gap(get: Get, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [float(n) for n in range(5)])
    first = get(page_size="3")
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    second = Browser().get(first.json()["next"], headers={"Authorization": f"Bearer {text}"})
    assert sorted(values(first) + values(second)) == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("parameters", [{"metric": "x"}, {"query_complexity": "hard"}])
def test_a_wrong_filter_is_refused(get: Get, parameters: dict[str, str]) -> None:
    answer = get(**parameters)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == next(iter(parameters))


def test_an_ingestion_key_may_not_read(api_key: str) -> None:
    answer = Browser().get(URL, headers={"Authorization": f"Bearer {api_key}"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"measurement_unit": "seconds"}, [3.0]),
        ({"model": "m"}, [2.0]),
        ({"value_above": "2"}, [3.0]),
        ({"value_below": "2"}, [1.0]),
        ({"rated": "true"}, [1.0, 2.0]),
        ({"rated": "false"}, [3.0]),
        ({"score_below": "4.5"}, [1.0]),
    ],
)
def test_it_filters_by_what_promises_select(
    get: Get, acme: Client, make_rows: Any, parameters: dict[str, str], expected: list[float]
) -> None:
    make_rows(acme, [1.0], user_satisfaction_score=3.0, ml_models_used=["mm"])
    make_rows(acme, [2.0], user_satisfaction_score=4.5, ml_models_used=["x", "m"])
    make_rows(acme, [3.0], measurement_unit="seconds")
    assert sorted(values(get(**parameters))) == expected
