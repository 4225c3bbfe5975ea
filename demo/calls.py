"""One request as it is measured: what it is called, who asked, how long it took, how it ended."""

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from demo.problems import Fields, Problem

_CLIENT_CODE = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")


@dataclass(frozen=True)
class Series:
    """The names under which an endpoint's requests are reported."""

    metric_name: str
    category: str
    component: str


QUERY = Series("conversational_query_response_time", "ai_query", "cognitive_core")
FEEDBACK = Series("user_feedback_processing_time", "user_feedback", "user_interface")
EMBED = Series("embedding_generation_time", "ai_query", "data_intelligence")
TERMINAL = Series("ai_terminal_load_time", "user_interface", "user_interface")
INFERENCE = Series("ml_prediction_inference_time", "ml_inference", "cognitive_core")


@dataclass
class Call:
    """A request under way. Handlers fill in what they learn about it."""

    series: Series
    path: str
    client: str | None
    is_probe: bool
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.perf_counter)
    complexity: str | None = None
    models: list[str] = field(default_factory=list)
    score: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, series: Series, request: Request) -> "Call":
        """Start measuring; raises Problem 400 when X-Client is no client code."""
        call = cls(series, request.url.path, None, request.headers.get("X-AIOSMON-Probe") == "1")
        call.name_client("X-Client", request.headers.get("X-Client"))
        return call

    def take_client(self, fields: Fields) -> None:
        """Read `client` (a code) and `client_id` (a number) of the body; the header wins."""
        client = fields.optional_text("client", longest=50)
        if self.client is None:
            self.name_client("client", client)
        client_id = fields.integer("client_id", 0, 2**31 - 1)
        if client_id is not None:
            self.metadata["client_id"] = client_id

    def name_client(self, where: str, code: str | None) -> None:
        """Set the client's code; raises Problem 400 for one that can't be a code."""
        if code is not None and not _CLIENT_CODE.match(code):
            fix = "Send 1 to 50 letters, digits, hyphens or underscores."
            raise Problem(400, where, "Not a client code.", fix)
        self.client = code

    def row(self, *, success: bool) -> dict[str, Any]:
        """The request as a metric row; the value is the time since it started, in ms."""
        elapsed = (time.perf_counter() - self.started) * 1000
        row = self._base(self.series, elapsed, success=success)
        optional = {
            "query_complexity": self.complexity,
            "ml_models_used": self.models or None,
            "user_satisfaction_score": self.score,
        }
        row.update({name: value for name, value in optional.items() if value is not None})
        return row | {"metadata": self.metadata}

    def inference_row(
        self, model: str, ms: float, *, features: int, success: bool
    ) -> dict[str, Any]:
        """One model call made for this request, as a metric row."""
        row = self._base(INFERENCE, ms, success=success)
        return row | {"ml_models_used": [model], "metadata": {"feature_count": features}}

    def _base(self, series: Series, ms: float, *, success: bool) -> dict[str, Any]:
        row = {
            "metric_name": series.metric_name,
            "metric_category": series.category,
            "metric_value": round(ms, 3),
            "measurement_unit": "ms",
            "component": series.component,
            "service_name": "demo-ai",
            "endpoint_path": self.path,
            "request_id": self.request_id,
            "timestamp": self.started_at.isoformat(),
            "success": success,
        }
        return row | {"client": self.client} if self.client else row
