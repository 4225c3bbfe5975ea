"""PURE: what a replay sent, counted per model."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from metrics.replay.trace import Row


class Summary:
    """Requests, failed requests and ratings of the rows noted so far."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.ratings: Counter[str] = Counter()
        self._first: datetime | None = None
        self._last: datetime | None = None

    def note(self, rows: Sequence[tuple[datetime, Row]]) -> None:
        """Count rows, which come in order of time."""
        for at, row in rows:
            model = (row.get("ml_models_used") or ["(none)"])[0]
            if row["metric_category"] == "user_feedback":
                self.ratings[model] += 1
            else:
                self.requests[model] += 1
                self.failed[model] += not row.get("success", True)
            self._first = self._first or at
            self._last = at

    def lines(self) -> list[str]:
        """A small table: a line a model, and one for all."""
        if self._first is None or self._last is None:
            return ["No row was sent."]
        found = [f"{'model':<20}{'requests':>10}{'failed':>10}{'ratings':>10}"]
        models = sorted(self.requests | self.ratings)
        found += [
            self._line(model, self.requests[model], self.failed[model], self.ratings[model])
            for model in models
        ]
        totals = (self.requests.total(), self.failed.total(), self.ratings.total())
        found.append(self._line("all", *totals))
        found.append(f"from {self._first:%Y-%m-%d %H:%M:%S} to {self._last:%Y-%m-%d %H:%M:%S} UTC")
        return found

    @staticmethod
    def _line(name: str, requests: int, failed: int, ratings: int) -> str:
        return f"{name:<20}{requests:>10,}{failed:>10,}{ratings:>10,}"
