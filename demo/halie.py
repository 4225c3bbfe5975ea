"""The HALIE requests (data/halie, Apache-2.0): real people's requests to four language models."""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from demo.corpus import DATA

MODELS = ("InstructDavinci", "InstructBabbage", "Davinci", "Jumbo")


@dataclass(frozen=True)
class Request:
    """One request; `latency_ms` is 0 when it failed or had no answer. Lengths in characters."""

    at: datetime
    task: str
    session_id: str
    user: str
    model: str
    latency_ms: float
    prompt_chars: int
    completion_chars: int
    max_tokens: int
    temperature: float


def load_requests(path: Path = DATA / "halie" / "llm_queries.csv") -> list[Request]:
    """All requests, in the file's order (that of time)."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_request(row) for row in csv.DictReader(file)]


def _request(row: dict[str, str]) -> Request:
    answered = row["status"] == "ok"
    return Request(
        at=datetime.fromisoformat(row["timestamp"]),
        task=row["task"],
        session_id=row["session_id"],
        user=row["user"],
        model=row["model"],
        latency_ms=float(row["latency_ms"]) if answered else 0.0,
        prompt_chars=int(row["prompt_chars"] or 0),
        completion_chars=int(row["completion_chars"] or 0),
        max_tokens=int(row["max_tokens"] or 0),
        temperature=float(row["temperature"] or 0),
    )
