"""Rows as they are sent, before any database knows of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from metrics.ingest.schema import Row


@dataclass(frozen=True)
class Event:
    """A row as it was sent. The same event_id twice is one event."""

    client_id: int
    at: datetime
    value: float = 100.0
    metric: str = "conversational_query_response_time"
    success: bool = True
    complexity: str | None = "simple"
    stars: float | None = None
    models: tuple[str, ...] = ()
    event_id: UUID | None = None

    @property
    def row(self) -> Row:
        """As ingestion stores it."""
        return Row(
            metric_name=self.metric,
            metric_category="ai_query",
            metric_value=self.value,
            measurement_unit="ms",
            component="cognitive_core",
            service_name="tests",
            query_complexity=self.complexity,  # type: ignore[arg-type]
            client_id=self.client_id,
            timestamp=self.at,
            success=self.success,
            user_satisfaction_score=self.stars,
            ml_models_used=list(self.models) or None,
            event_id=self.event_id,
        )
