"""HALIE: requests of real people to four language models, and how helpful they found them.

data/halie/SOURCE.md says where it comes from, docs/replay.md which choices are ours.
"""

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from metrics.replay.trace import Dataset, Row, Trace

DATA = Path(__file__).resolve().parents[2] / "data" / "halie"

# Ours: the data doesn't say how hard a task was. Quiz questions are looked up,
# metaphors are made up; the other tasks have no requests in the data.
COMPLEXITY = {"question": "simple", "metaphor": "moderate"}
# Ours: how long the study's page waited for an answer is not in the data.
CALLER_TIMEOUT_MS = 30_000.0

_TEXTS = ("task", "session_id", "user", "status")
_NUMBERS: dict[str, Callable[[str], float]] = {
    "prompt_chars": int,
    "completion_chars": int,
    "max_tokens": int,
    "temperature": float,
}
_SCALES = ("fluency", "ease", "joy", "enjoyment", "satisfaction", "reuse", "improvement", "edit")
_QUIZ = (
    "n_questions_with_lm",
    "n_correct_with_lm",
    "n_questions_without_lm",
    "n_correct_without_lm",
)


def load(folder: Path = DATA) -> Trace:
    """The whole study.

    Raises OSError without the files, KeyError or ValueError for a record of another form.
    """
    dated = [
        (datetime.fromisoformat(record["timestamp"]), request_row(number, record))
        for number, record in enumerate(_records(folder / "llm_queries.csv"), start=1)
    ]
    undated: dict[str, list[Row]] = defaultdict(list)
    for record in _records(folder / "session_ratings.csv"):
        if record["first_event"]:
            dated.append((datetime.fromisoformat(record["first_event"]), rating_row(record)))
        else:
            undated[record["task"]].append(rating_row(record))
    return Trace(dated, list(undated.values()))


def request_row(number: int, record: dict[str, str]) -> Row:
    """One request, the ``number``-th of its file; the value is its latency in ms.

    A failed request keeps the time after which it failed. An unanswered one has
    none: it gets the caller's time-out. Raises ValueError when any other
    request lacks its latency.
    """
    metadata: Row = {name: record[name] for name in _TEXTS}
    metadata |= {name: read(record[name]) for name, read in _NUMBERS.items() if record[name]}
    latency = CALLER_TIMEOUT_MS
    if record["status"] == "no_answer":
        metadata["no_answer"] = True
    else:
        latency = float(record["latency_ms"])
    return {
        "metric_name": "conversational_query_response_time",
        "metric_category": "ai_query",
        "metric_value": latency,
        "measurement_unit": "ms",
        "component": "cognitive_core",
        "service_name": "halie",
        "request_id": f"halie-{number:06d}",
        "query_complexity": COMPLEXITY[record["task"]],
        "ml_models_used": [record["model"]],
        "success": record["status"] == "ok",
        "metadata": metadata,
    }


def rating_row(record: dict[str, str]) -> Row:
    """How helpful a person found the model of one session, 1 (worst) to 5."""
    helpfulness = float(record["helpfulness"])
    row: Row = {
        "metric_name": "session_helpfulness",
        "metric_category": "user_feedback",
        "metric_value": helpfulness,
        "measurement_unit": "score",
        "component": "cognitive_core",
        "service_name": "halie",
        "request_id": record["session_id"],
        "ml_models_used": [record["model"]],
        "user_satisfaction_score": helpfulness,
        "metadata": {
            "task": record["task"],
            "user": record["user"],
            **{name: int(record[name]) for name in (*_SCALES, *_QUIZ) if record[name]},
        },
    }
    if record["task"] in COMPLEXITY:
        row["query_complexity"] = COMPLEXITY[record["task"]]
    return row


def _records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DATASET = Dataset(
    code="halie",
    client_code="halie",
    client_name="HALIE study (Stanford CRFM)",
    load=load,
)
