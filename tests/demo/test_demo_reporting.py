"""The rows the service sends to a portal, and how it sends them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from demo.service import QUERY_SLOTS
from tests.demo.conftest import recording, running

KEY = "aiosmon_test_key"
SIMPLE = "How many requests did Davinci answer?"
PAGE_ROW = "ai_terminal_load_time"


@pytest.fixture(scope="module")
def told():
    """The portal that `reporting` reports to, and that service."""
    with recording() as portal:
        env = {"AIOSMON_URL": portal.url, "AIOSMON_API_KEY": KEY, "DEMO_RESOURCE_SECONDS": "3600"}
        with running(**env) as http:
            yield portal, http


@pytest.fixture
def portal(told, until):
    """It remembers nothing of earlier tests: their rows have all arrived."""
    portal, http = told
    http.post("/demo/recover").raise_for_status()
    until(lambda: http.get("/healthz").json()["reporting"]["queued"] == 0)
    portal.forget()
    return portal


@pytest.fixture
def reporting(told, portal):
    """A healthy service that reports requests alone to the recording portal."""
    return told[1]


@pytest.fixture(scope="module")
def watched(database):
    """A service that also has a database and resource rows, twice a second, and its portal."""
    with recording() as portal:
        env = {"AIOSMON_URL": portal.url, "AIOSMON_API_KEY": KEY, "DEMO_RESOURCE_SECONDS": "0.5"}
        with running(**env, DEMO_DATABASE_URL=database) as http:
            yield portal, http


def test_it_reports_a_query_with_all_that_is_known_of_it(reporting, portal, until):
    before = datetime.now(UTC)
    body = {"query": SIMPLE, "client_id": 7}
    answer = reporting.post("/api/ai/query", json=body, headers={"X-Client": "acme"}).json()
    (row,) = until(lambda: portal.named("conversational_query_response_time"))
    assert timedelta(0) <= datetime.fromisoformat(row.pop("timestamp")) - before < timedelta(1)
    assert 0 < row.pop("metric_value") < 5000
    assert row.pop("event_id")
    assert row == {
        "metric_name": "conversational_query_response_time",
        "metric_category": "ai_query",
        "measurement_unit": "ms",
        "component": "cognitive_core",
        "service_name": "demo-ai",
        "endpoint_path": "/api/ai/query",
        "client": "acme",
        "request_id": answer["request_id"],
        "query_complexity": "simple",
        "ml_models_used": ["lsa_retrieval", "complexity_classifier"],
        "metadata": {
            "client_id": 7,
            "confidence": answer["confidence"],
            "http_status": 200,
            "http_method": "POST",
        },
        "success": True,
    }


def test_it_sends_a_list_with_the_key_as_bearer(reporting, portal, until):
    reporting.get("/terminal").raise_for_status()
    _, headers, path, rows = until(lambda: portal.posts and portal.posts[0])
    assert path == "/api/v1/metrics/"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert isinstance(rows, list)


def test_it_reports_ratings(reporting, portal, until):
    scores = {
        "one": ({"feedback": "thumbs_up"}, 5),
        "two": ({"feedback": "thumbs_down"}, 1),
        "three": ({"feedback": "rating", "rating": 4}, 4),
        "four": ({"feedback": "correction", "userCorrection": "it is 1049"}, None),
    }
    for client, (reaction, _) in scores.items():
        reporting.post("/api/ai/feedback", json=reaction | {"client": client}).raise_for_status()
    rows = until(lambda: len(found := portal.named("user_feedback_processing_time")) == 4 and found)
    assert {row["component"] for row in rows} == {"user_interface"}
    found = {row["client"]: row.get("user_satisfaction_score") for row in rows}
    assert found == {client: score for client, (_, score) in scores.items()}


@pytest.mark.parametrize(
    ("reaction", "rating"),
    [
        ({"feedback": "thumbs_up"}, {"thumbs": "up"}),
        ({"feedback": "rating", "rating": 2}, {"rating": 2}),
        (
            {"feedback": "correction", "userCorrection": "it is 1049", "rating": 1},
            {"rating": 1, "correction": "it is 1049"},
        ),
    ],
)
def test_it_hands_on_the_rating_of_an_answer_that_it_gave(
    reporting, portal, until, reaction, rating
):
    answer = reporting.post("/api/ai/query", json={"query": SIMPLE}).json()
    body = reaction | {"request_id": answer["request_id"], "client": "globex"}
    reporting.post("/api/ai/feedback", json=body).raise_for_status()
    (vote,) = until(lambda: portal.votes)
    assert vote.pop("event_id")
    assert vote.pop("submitted_at")
    assert vote == {"request_id": answer["request_id"], "client": "globex"} | rating
    # The portal makes the row that has the score: here it would count twice.
    (row,) = until(lambda: portal.named("user_feedback_processing_time"))
    assert "user_satisfaction_score" not in row


def test_it_hands_on_no_rating_of_a_probe(reporting, portal, until):
    answer = reporting.post("/api/ai/query", json={"query": SIMPLE}).json()
    body = {"feedback": "thumbs_up", "request_id": answer["request_id"]}
    probe = {"X-AIOSMON-Probe": "1"}
    reporting.post("/api/ai/feedback", json=body, headers=probe).raise_for_status()
    reporting.post("/api/ai/feedback", json=body | {"feedback": "thumbs_down"}).raise_for_status()
    votes = until(lambda: portal.votes)
    assert [vote["thumbs"] for vote in votes] == ["down"]


def test_it_reports_embeddings_and_page_loads(reporting, portal, until):
    reporting.post("/api/ai/embed", json={"texts": ["a b", "c"]}).raise_for_status()
    reporting.get("/terminal").raise_for_status()
    (embed,) = until(lambda: portal.named("embedding_generation_time"))
    assert embed["component"] == "data_intelligence"
    (page,) = until(lambda: portal.named(PAGE_ROW))
    assert page["metric_category"] == "user_interface"


def test_it_reports_failures_with_their_complexity(reporting, portal, until):
    body = {"component": "cognitive_core", "error_rate": 1}
    reporting.post("/demo/degrade", json=body).raise_for_status()
    assert reporting.post("/api/ai/query", json={"query": SIMPLE}).status_code == 500
    (row,) = until(lambda: portal.named("conversational_query_response_time"))
    assert (row["success"], row["query_complexity"]) == (False, "simple")
    assert "degraded on purpose" in row["metadata"]["error"]


def test_it_reports_neither_probes_nor_refused_requests(reporting, portal, until):
    probe = {"X-AIOSMON-Probe": "1"}
    reporting.post("/api/ai/query", json={"query": SIMPLE}, headers=probe).raise_for_status()
    assert reporting.post("/api/ai/query", json={"query": ""}).status_code == 400
    reporting.get("/terminal").raise_for_status()
    until(lambda: portal.named(PAGE_ROW))
    assert portal.named("conversational_query_response_time") == []


def test_it_reports_each_model_call(watched, until):
    portal, http = watched
    until(lambda: http.get("/healthz").json()["pgml"] == "ready")
    body = {"query": SIMPLE, "include_ml_predictions": True}
    answer = http.post("/api/ai/query", json=body).raise_for_status().json()
    (row,) = until(lambda: portal.named("ml_prediction_inference_time"))
    assert row["ml_models_used"] == ["query_complexity_classification"]
    assert (row["metadata"], row["request_id"]) == ({"feature_count": 8}, answer["request_id"])


def test_it_reports_its_resources(watched, until):
    portal, http = watched
    http.post("/api/ai/embed", json={"texts": ["a"] * 17}).raise_for_status()
    (batch,) = until(lambda: portal.named("embedding_batch_size"))
    assert (batch["metric_value"], batch["component"]) == (17, "data_intelligence")
    units = {"memory_usage": "mb", "cpu_usage": "percent", "concurrent_queries": "count"}
    for name, unit in units.items():
        row = portal.named(name)[0]
        assert (row["measurement_unit"], row["metric_category"]) == (unit, "system_health")
    assert 20 < portal.named("memory_usage")[0]["metric_value"] < 1000


def test_it_reports_what_training_its_models_came_to_once(watched, until):
    portal, _ = watched
    rows = until(lambda: len(found := portal.named("model_accuracy")) == 4 and found)
    assert {row["ml_models_used"][0] for row in rows} == {
        "epic_trajectory_prediction",
        "story_complexity_estimation",
        "rework_risk_assessment",
        "query_complexity_classification",
    }
    assert all(0 < row["metric_value"] <= 1 for row in rows)
    units = {"model_business_accuracy": "accuracy", "ml_training_time": "seconds"}
    for name, unit in {**units, "ml_model_size": "mb"}.items():
        assert {row["measurement_unit"] for row in portal.named(name)} == {unit}
    until(lambda: len(portal.named("memory_usage")) > 1)
    assert len(portal.named("model_accuracy")) == 4


def test_it_waits_as_long_as_the_portal_asks_and_sends_the_same_rows(reporting, portal, until):
    portal.answers = [(503, {"Retry-After": "2"})]
    reporting.get("/terminal").raise_for_status()
    until(lambda: len(portal.posts) == 2)
    (first, _, _, refused), (second, _, _, sent) = portal.posts
    assert second - first >= 2
    assert sent == refused


@pytest.mark.parametrize("status", [207, 400])
def test_it_does_not_repeat_what_the_portal_refused(reporting, portal, until, status):
    portal.answers = [(status, {})]
    reporting.get("/terminal").raise_for_status()
    until(lambda: len(portal.posts) == 1)
    reporting.post("/api/ai/embed", json={"texts": ["a"]}).raise_for_status()
    until(lambda: len(portal.posts) == 2)
    assert [len(rows) for _, _, _, rows in portal.posts] == [1, 1]
    assert portal.posts[1][3][0]["metric_name"] == "embedding_generation_time"


def test_it_sends_what_is_queued_when_it_is_stopped(start):
    with recording() as portal:
        with start(AIOSMON_URL=portal.url, AIOSMON_API_KEY=KEY) as http:
            for _ in range(5):
                http.get("/terminal").raise_for_status()
        assert len(portal.named(PAGE_ROW)) == 5


def test_it_makes_real_traffic_in_the_name_of_two_clients(start, until):
    env = {"AIOSMON_API_KEY": KEY, "DEMO_TRAFFIC": "30"}
    with recording() as portal, start(AIOSMON_URL=portal.url, **env):
        until(lambda: len(portal.named("user_feedback_processing_time")) >= 10)
        until(lambda: len(portal.votes) >= 10)
    assert {row["client"] for row in portal.accepted if "client" in row} == {"acme", "globex"}
    queries = portal.named("conversational_query_response_time")
    assert {row["query_complexity"] for row in queries} == {"simple", "moderate", "complex"}
    asked = {row["request_id"] for row in queries}
    assert all(1 <= vote["rating"] <= 5 for vote in portal.votes)
    assert {vote["request_id"] for vote in portal.votes} & asked


def test_it_reports_how_many_queries_were_under_way_and_waiting(watched, until):
    portal, http = watched
    body = {"component": "cognitive_core", "slowdown": 500}
    http.post("/demo/degrade", json=body).raise_for_status()

    def ask(_: int) -> None:
        http.post("/api/ai/query", json={"query": SIMPLE}).raise_for_status()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(ask, range(12)))
    http.post("/demo/recover").raise_for_status()
    until(lambda: 12 in {row["metric_value"] for row in portal.named("concurrent_queries")})
    assert max(row["metric_value"] for row in portal.named("queue_size")) == 12 - QUERY_SLOTS
