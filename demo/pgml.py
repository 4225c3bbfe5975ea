"""`pgml.predict` in PostgreSQL: its installation and its caller.

This is NOT PostgresML, which can't be installed everywhere. It is a function of the same name and
signature, pgml.predict(text, float8[]) -> float8, that evaluates a real fitted linear model (see
models.py) from the table pgml.models. The call path is thus the real one: a connection, SQL, an
answer or an error. It also obeys the declared degradation of cognitive_core.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from demo.degrade import Degradation
from demo.models import LinearModel

log = logging.getLogger("demo.pgml")

POOL_SIZE = 4
CONNECT_SECONDS = 5
# The specification's ml_inference_timeout. A prediction that takes longer counts as failed.
PREDICT_SECONDS = 5.0
INSTALL_SECONDS = 60.0

SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('aiosmon demo: install pgml'));
CREATE SCHEMA IF NOT EXISTS pgml;
CREATE TABLE IF NOT EXISTS pgml.models (
    name text PRIMARY KEY,
    intercept float8 NOT NULL,
    coefficients float8[] NOT NULL,
    feature_names text[] NOT NULL,
    r2 float8 NOT NULL,
    n integer NOT NULL,
    fitted_at timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(coefficients) = cardinality(feature_names))
);
CREATE TABLE IF NOT EXISTS pgml.degradation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    slowdown_ms float8 NOT NULL DEFAULT 0 CHECK (slowdown_ms BETWEEN 0 AND 60000),
    error_rate float8 NOT NULL DEFAULT 0 CHECK (error_rate BETWEEN 0 AND 1)
);
INSERT INTO pgml.degradation DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION pgml.predict(model_name text, features float8[]) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
    model pgml.models%ROWTYPE;
    declared pgml.degradation%ROWTYPE;
BEGIN
    SELECT * INTO declared FROM pgml.degradation;
    IF declared.slowdown_ms > 0 THEN
        PERFORM pg_sleep(declared.slowdown_ms / 1000);
    END IF;
    IF random() < declared.error_rate THEN
        RAISE EXCEPTION 'pgml.predict is degraded on purpose (error_rate %)', declared.error_rate
            USING HINT = 'POST /demo/recover {"component": "cognitive_core"} ends it.';
    END IF;
    SELECT * INTO model FROM pgml.models WHERE name = model_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pgml.predict: unknown model %', coalesce(quote_literal(model_name), 'NULL')
            USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM pgml.models lists them.';
    END IF;
    IF features IS NULL OR cardinality(features) <> cardinality(model.coefficients) THEN
        RAISE EXCEPTION 'pgml.predict: model % wants % features, got %', model_name,
            cardinality(model.coefficients), coalesce(cardinality(features)::text, 'NULL')
            USING ERRCODE = 'array_subscript_error',
                  HINT = 'In this order: ' || array_to_string(model.feature_names, ', ');
    END IF;
    IF array_position(features, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'pgml.predict: a feature of model % is NULL', model_name
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    RETURN model.intercept + (
        SELECT sum(weight * value) FROM unnest(model.coefficients, features) AS pair(weight, value)
    );
END
$body$;
COMMENT ON FUNCTION pgml.predict(text, float8[]) IS
    'Not PostgresML: a function of the same signature that evaluates a real fitted linear model '
    '(intercept + coefficients . features) from pgml.models.';
"""
UPSERT = """
INSERT INTO pgml.models (name, intercept, coefficients, feature_names, r2, n, fitted_at)
VALUES (%s, %s, %s, %s, %s, %s, now())
ON CONFLICT (name) DO UPDATE SET (intercept, coefficients, feature_names, r2, n, fitted_at) =
    (excluded.intercept, excluded.coefficients, excluded.feature_names, excluded.r2, excluded.n,
     excluded.fitted_at)
"""
DEGRADE = "UPDATE pgml.degradation SET slowdown_ms = %s, error_rate = %s"

Connection = psycopg.AsyncConnection[tuple[object, ...]]


@dataclass(frozen=True)
class Prediction:
    """One call of pgml.predict: its value, or None and the error. `ms` is the caller's time."""

    model: str
    value: float | None
    ms: float
    features: int
    error: str | None = None


class Pgml:
    """The way to one database: at most POOL_SIZE connections, kept while they are healthy."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(POOL_SIZE)
        self.state = "installing" if url else "off"

    async def install(self, models: Iterable[LinearModel], degraded: Degradation) -> None:
        """Create schema, models and function, retrying for INSTALL_SECONDS; then go on without."""
        deadline, pause = time.monotonic() + INSTALL_SECONDS, 0.5
        rows = [
            (m.name, m.intercept, m.coefficients, list(m.feature_names), m.r2, m.n) for m in models
        ]
        while True:
            try:
                await self._install_once(rows, degraded)
            except psycopg.Error as error:
                if time.monotonic() + pause > deadline:
                    self.state = "unavailable"
                    log.error("pgml is off: the database could not be set up: %s", error)  # noqa: TRY400
                    return
                log.warning("pgml: database not ready, trying again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, 8.0)
            else:
                self.state = "ready"
                log.info("pgml is ready: %d models", len(rows))
                return

    async def _install_once(
        self, rows: Sequence[tuple[object, ...]], degraded: Degradation
    ) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute(SCHEMA)
            for row in rows:
                await connection.execute(UPSERT, row)
            await connection.execute(DEGRADE, (degraded.slowdown, degraded.error_rate))

    async def predict(self, model: str, features: Sequence[float]) -> Prediction:
        """Call pgml.predict; an error or time-out is part of the result, never raised."""
        started = time.perf_counter()
        value, problem = None, None
        try:
            async with asyncio.timeout(PREDICT_SECONDS), self._connection() as connection:
                query = "SELECT pgml.predict(%s, %s::float8[])"
                cursor = await connection.execute(query, (model, list(features)))
                row = await cursor.fetchone()
                value = float(str(row[0])) if row else math.nan
        except TimeoutError:
            problem = f"no answer within {PREDICT_SECONDS:g} s"
        except psycopg.Error as error:
            problem = str(error).strip() or type(error).__name__
        elapsed = (time.perf_counter() - started) * 1000
        return Prediction(model, value, elapsed, len(features), problem)

    async def degrade(self, degraded: Degradation) -> bool:
        """Tell the database the declared degradation; False if it could not be told."""
        if self.state != "ready":
            return False
        try:
            async with asyncio.timeout(PREDICT_SECONDS), self._connection() as connection:
                await connection.execute(DEGRADE, (degraded.slowdown, degraded.error_rate))
        except (TimeoutError, psycopg.Error) as error:
            log.warning("pgml: could not set the degradation: %s", error)
            return False
        return True

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._slots:
            connection = await self._healthy()
            try:
                yield connection
            except asyncio.CancelledError:
                # Cut off in mid-query: its answer may still be under way, so it can't be reused.
                await connection.close()
                raise
            finally:
                if not connection.closed:
                    self._idle.append(connection)

    async def _healthy(self) -> Connection:
        """An idle connection that still answers (a restarted server closed the others), or new."""
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.execute("")
            except psycopg.Error:
                await connection.close()
            except asyncio.CancelledError:
                await connection.close()
                raise
            else:
                return connection
        return await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="aiosmon-demo",
            options=f"-c statement_timeout={int(INSTALL_SECONDS * 1000)}",
        )
