"""What callers see of the demo service: answers, vectors, feedback, the terminal, refusals."""

import math
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
SIMPLE = "How many requests did Davinci answer?"
COMPLEX = "Complete DORA analysis with predictions, scenarios and strategic recommendations"


def ask(http: httpx.Client, query: str, **more: object) -> dict:
    return http.post("/api/ai/query", json={"query": query, **more}).raise_for_status().json()


def dot(left: list[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def test_it_answers_from_the_corpus(http):
    answer = ask(http, SIMPLE, client_id=1, enable_user_feedback=True)
    assert "1049 requests to the model Davinci" in answer["answer"]
    assert answer["feedback_url"] == "/api/ai/feedback"
    assert 0 < answer["confidence"] <= 1


@pytest.mark.parametrize(
    ("query", "label"),
    [
        (SIMPLE, "simple"),
        ("Team performance with risk assessment", "moderate"),
        (COMPLEX, "complex"),
    ],
)
def test_it_tells_the_complexity_of_the_specifications_examples(http, query, label):
    assert ask(http, query)["complexity"] == label


def test_it_predicts_nothing_without_a_database(http):
    answer = ask(http, SIMPLE, include_ml_predictions=True)
    assert answer["predictions"] is None
    assert answer["models_used"] == ["lsa_retrieval", "complexity_classifier"]


def test_it_works_longer_on_complex_queries(http):
    def fastest(query: str) -> float:
        def timed() -> float:
            started = time.perf_counter()
            ask(http, query)
            return time.perf_counter() - started

        return min(timed() for _ in range(5))

    assert fastest(COMPLEX) > 2 * fastest(SIMPLE)


def test_it_embeds_similar_texts_near_each_other(http):
    texts = ["latency of the query", "latencies of queries", "the terminal's colour"]
    body = http.post("/api/ai/embed", json={"texts": texts}).raise_for_status().json()
    first, near, far = body["vectors"]
    assert len(first) == body["dimensions"]
    assert math.isclose(math.hypot(*first), 1, abs_tol=1e-4)
    assert dot(first, near) > dot(first, far) + 0.3


def test_it_moves_passage_weights_on_feedback(http):
    request_id = ask(http, SIMPLE)["request_id"]
    reaction = {"request_id": request_id, "feedback": "thumbs_down"}
    body = http.post("/api/ai/feedback", json=reaction).raise_for_status().json()
    assert body["answer_known"] is True
    assert body["passages_changed"] > 1


def test_it_answers_differently_after_many_bad_votes(http):
    query = "What is the longest latency to the model Jumbo?"
    before = ask(http, query)
    for _ in range(12):
        reaction = {"request_id": before["request_id"], "feedback": "thumbs_down"}
        http.post("/api/ai/feedback", json=reaction).raise_for_status()
    assert ask(http, query)["answer"] != before["answer"]


def test_it_retrains_the_classifier_with_a_correction(http, until):
    learned = http.get("/healthz").json()["classifier"]["learned"]
    reaction = {
        "request_id": ask(http, "Team health overview")["request_id"],
        "feedback": "correction",
        "userCorrection": "this is a complex question",
        "triggers_retraining": True,
    }
    body = http.post("/api/ai/feedback", json=reaction).raise_for_status().json()
    assert body["retraining"] == "started"
    until(lambda: http.get("/healthz").json()["classifier"]["learned"] == learned + 1)


def test_it_says_that_a_correction_of_nothing_teaches_nothing(http):
    reaction = {"feedback": "correction", "userCorrection": "no", "triggers_retraining": True}
    body = http.post("/api/ai/feedback", json=reaction).raise_for_status().json()
    assert body["retraining"].startswith("nothing to learn")


def test_it_serves_the_terminal_with_its_own_files_only(http):
    page = http.get("/terminal").raise_for_status()
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    for name in ("terminal.css", "terminal.js"):
        assert f"/terminal/static/{name}" in page.text
        http.get(f"/terminal/static/{name}").raise_for_status()


def test_it_serves_no_file_outside_of_static(http):
    assert (ROOT / "demo" / "app.py").exists()
    assert http.get("/terminal/static/%2e%2e/app.py").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/ai/query", {}, "query"),
        ("/api/ai/query", {"query": "  "}, "query"),
        ("/api/ai/query", {"query": "x", "client_id": "acme"}, "client_id"),
        ("/api/ai/query", {"query": "x", "include_ml_predictions": 1}, "include_ml_predictions"),
        ("/api/ai/query", {"query": "x", "client": "not a code"}, "client"),
        ("/api/ai/query", [], None),
        ("/api/ai/feedback", {"feedback": "shrug"}, "feedback"),
        ("/api/ai/feedback", {"feedback": "rating"}, "rating"),
        ("/api/ai/feedback", {"feedback": "rating", "rating": 6}, "rating"),
        ("/api/ai/feedback", {"feedback": "correction"}, "userCorrection"),
        ("/api/ai/embed", {"texts": []}, "texts"),
        ("/api/ai/embed", {"texts": ["x"] * 101}, "texts"),
        ("/api/ai/embed", {"texts": ["x", 3]}, "texts[1]"),
        ("/demo/degrade", {"component": "nervous_system", "slowdown": 1}, "component"),
        ("/demo/degrade", {"component": "cognitive_core"}, "slowdown"),
        ("/demo/degrade", {"component": "cognitive_core", "slowdown": -1}, "slowdown"),
        ("/demo/degrade", {"component": "cognitive_core", "slowdown": 60_001}, "slowdown"),
        ("/demo/degrade", {"component": "cognitive_core", "error_rate": 1.5}, "error_rate"),
        ("/demo/degrade", {"component": "cognitive_core", "slow": 5}, "slow"),
        ("/demo/recover", {"component": "everything"}, "component"),
    ],
)
def test_it_names_the_field_at_fault_and_the_fix(http, path, body, field):
    answer = http.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["fix"]


@pytest.mark.parametrize(
    "body", [b"{", b'{"query": NaN}', b"[" * 100_000, b'"\xff"', b"1" * 5000, b""]
)
def test_it_refuses_what_is_no_json_object(http, body):
    assert http.post("/api/ai/query", content=body).status_code == 400


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1" + b"0" * 400, b"true"])
def test_it_refuses_numbers_that_are_none(http, number):
    body = b'{"component": "cognitive_core", "slowdown": ' + number + b"}"
    assert http.post("/demo/degrade", content=body).json()["error"]["field"] == "slowdown"


def test_it_survives_text_that_is_no_unicode(http):
    answer = http.post("/api/ai/query", content=b'{"query": "how many \\ud800 requests?"}')
    assert answer.status_code == 200


def test_it_refuses_a_body_over_one_mebibyte(http):
    answer = http.post("/api/ai/query", json={"query": "x" * 2**20})
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["error"]["problem"]


def test_it_answers_unknown_paths_and_methods_in_the_same_form(http):
    assert http.get("/nowhere").json()["error"]["problem"] == "GET /nowhere: Not Found"
    assert http.get("/api/ai/query").status_code == 405
