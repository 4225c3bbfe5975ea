"""ML inference against a real PostgreSQL that has a pgml.predict."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.core.exceptions import ValidationError

from metrics.probes.base import Sample, Spec
from metrics.probes.registry import KINDS
from metrics.probes.runner import Outcome, run

PREDICT = """
DROP SCHEMA IF EXISTS pgml CASCADE;
CREATE SCHEMA pgml;
CREATE FUNCTION pgml.predict(model text, features float8[]) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    IF model = 'slow' THEN PERFORM pg_sleep(30); END IF;
    IF model = 'broken' THEN RAISE EXCEPTION 'no such model: %', model; END IF;
    RETURN (SELECT sum(f) FROM unnest(features) f);
END $$;
"""

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def dsn(settings: Any) -> Iterator[str]:
    """The test database with a pgml.predict, named "models" in the settings."""
    parts = settings.DATABASES["default"]
    user, password = quote(parts["USER"], safe=""), quote(parts["PASSWORD"], safe="")
    url = f"postgresql://{user}:{password}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"
    settings.PROBE_DSNS = {"models": url}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PREDICT)
        yield url
        connection.execute("DROP SCHEMA pgml CASCADE")


def predict(model: str, target: str = "models", timeout: float = 5.0) -> tuple[Outcome, Sample]:
    payload = {"model_name": model, "features": {"a": 1.5, "b": 2}}
    fields = {"component": "cognitive_core", "service_name": "tests", "client_id": 1}
    made = Spec("p", "ml_inference", target, payload, timeout, **fields, test_conditions={})  # type: ignore[arg-type]
    outcome = asyncio.run(run(made))
    return outcome, outcome.samples[0]


def test_it_records_the_prediction_with_its_model(dsn: str) -> None:
    outcome, sample = predict("sum")
    assert (outcome.error, sample.success, sample.models) == ("", True, ["sum"])
    assert 0 < sample.value < 2000
    assert sample.metadata == {"model_name": "sum", "feature_count": 2, "prediction_value": 3.5}


def test_a_model_that_fails_is_a_failed_row_with_the_databases_words(dsn: str) -> None:
    outcome, sample = predict("broken")
    assert outcome.error == "no such model: broken"
    assert (sample.success, sample.models) == (False, ["broken"])
    assert "no_answer" not in sample.metadata


def test_a_slow_model_is_ended_in_the_database_too(dsn: str) -> None:
    _outcome, sample = predict("slow", timeout=0.3)
    assert (sample.value, sample.metadata["no_answer"]) == (300.0, True)
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pgml%%' AND state = %s"
    )
    deadline = time.monotonic() + 5
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(running, ["active"]).fetchone() != (0,):
            assert time.monotonic() < deadline


def test_a_database_that_is_not_there_counts_as_no_answer(dsn: str, settings: Any) -> None:
    settings.PROBE_DSNS = {"models": "postgresql://127.0.0.1:1/none"}
    _outcome, sample = predict("sum", timeout=2.0)
    assert (sample.value, sample.metadata["no_answer"]) == (2000.0, True)


def test_a_name_that_is_not_set_up_is_explained(dsn: str) -> None:
    outcome, _sample = predict("sum", target="other")
    assert "No database is named “other” (known: models)" in outcome.error
    assert "AIOSMON_PROBE_DSN_OTHER" in outcome.error


@pytest.mark.parametrize("features", [None, {}, [1.0], {"a": "1"}, {"a": True}])
def test_it_refuses_features_that_are_no_numbers(dsn: str, features: Any) -> None:
    with pytest.raises(ValidationError):
        KINDS["ml_inference"].check("models", {"model_name": "m", "features": features})
