"""pgml.predict in a real PostgreSQL: its values, its errors, its declared degradation."""

import time

import psycopg
import pytest

from demo.models import fit_all

EPIC = "epic_trajectory_prediction"
COMPLEX = "Complete DORA analysis with predictions, scenarios and strategic recommendations"


@pytest.fixture
def sql(predicting, database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def predict(sql, model, features):
    query = "SELECT pgml.predict(%s, %s::FLOAT[]) as prediction"
    return sql.execute(query, (model, features)).fetchone()[0]


@pytest.mark.parametrize("model", fit_all().values(), ids=lambda model: model.name)
def test_it_evaluates_the_fitted_model(sql, model):
    features = [0.5 + index for index in range(len(model.coefficients))]
    assert predict(sql, model.name, features) == pytest.approx(model.predict(features))


def test_it_keeps_how_well_each_model_does(sql):
    rows = dict(sql.execute("SELECT name, (r2, n)::text FROM pgml.models").fetchall())
    assert rows == {m.name: f"({m.r2!r},{m.n})" for m in fit_all().values()}


def test_it_fits_latency_with_twelve_features_above_the_specifications_threshold():
    model = fit_all()[EPIC]
    assert (len(model.coefficients), model.n) == (12, 3846)
    assert model.r2 > 0.75


def test_it_says_plainly_that_it_is_not_postgresml(sql):
    query = "SELECT obj_description('pgml.predict(text, float8[])'::regprocedure)"
    assert "Not PostgresML" in sql.execute(query).fetchone()[0]


@pytest.mark.parametrize(
    ("model", "features", "message"),
    [
        ("nonesuch", [1.0], "unknown model 'nonesuch'"),
        (None, [1.0], "unknown model NULL"),
        (EPIC, [1.0], "wants 12 features, got 1"),
        (EPIC, None, "wants 12 features, got NULL"),
        (EPIC, [], "wants 12 features, got 0"),
        (EPIC, [None] * 12, "is NULL"),
    ],
)
def test_it_explains_what_it_refuses(sql, model, features, message):
    with pytest.raises(psycopg.Error, match=message):
        predict(sql, model, features)


def test_it_degrades_and_recovers_with_cognitive_core(sql, predicting):
    body = {"component": "cognitive_core", "slowdown": 300}
    predicting.post("/demo/degrade", json=body).raise_for_status()
    started = time.perf_counter()
    predict(sql, EPIC, [1.0] * 12)
    assert time.perf_counter() - started >= 0.3
    body = {"component": "cognitive_core", "slowdown": 0, "error_rate": 1}
    predicting.post("/demo/degrade", json=body).raise_for_status()
    with pytest.raises(psycopg.Error, match="degraded on purpose"):
        predict(sql, EPIC, [1.0] * 12)
    predicting.post("/demo/recover").raise_for_status()
    assert predict(sql, EPIC, [1.0] * 12) is not None


def test_it_predicts_with_more_models_for_complex_queries(predicting):
    def models(query: str) -> set[str]:
        body = {"query": query, "include_ml_predictions": True}
        answer = predicting.post("/api/ai/query", json=body).raise_for_status().json()
        always = {"lsa_retrieval", "complexity_classifier"}
        assert {*always, *answer["predictions"]} == set(answer["models_used"])
        assert all(isinstance(value, float) for value in answer["predictions"].values())
        return set(answer["predictions"])

    assert models("How many requests did Davinci answer?") == {"query_complexity_classification"}
    assert models(COMPLEX) == set(fit_all())


def test_it_predicts_again_after_its_connections_were_cut(predicting, sql):
    body = {"query": COMPLEX, "include_ml_predictions": True}
    predicting.post("/api/ai/query", json=body).raise_for_status()
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = "
    assert sql.execute(cut + "'aiosmon-demo' AND datname = current_database()").fetchone()[0] > 0
    answer = predicting.post("/api/ai/query", json=body).raise_for_status().json()
    assert None not in answer["predictions"].values()


def test_it_answers_without_a_database_that_does_not_exist(start):
    with start(DEMO_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none") as http:
        assert http.get("/healthz").json()["pgml"] == "installing"
        body = {"query": "How many requests?", "include_ml_predictions": True}
        answer = http.post("/api/ai/query", json=body).raise_for_status().json()
        assert answer["predictions"] is None


def test_it_can_be_installed_by_two_services_at_once(start, database, until):
    with start(DEMO_DATABASE_URL=database) as one, start(DEMO_DATABASE_URL=database) as two:
        for http in (one, two):
            until(lambda http=http: http.get("/healthz").json()["pgml"] == "ready")
