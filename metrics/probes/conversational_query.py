"""A complete conversational query: POST /api/ai/query."""

from typing import Any

from metrics.models import Category
from metrics.probes import http
from metrics.probes.base import Known, Sample, Spec, require_text
from metrics.probes.complexity import assess
from metrics.units import Unit


class ConversationalQuery:
    """Payload: ``query``; it may override what else is sent (see ``measure``)."""

    metric_name = "conversational_query_response_time"
    metric_category = Category.AI_QUERY
    unit = Unit.MILLISECONDS

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """An allowed URL and a query."""
        http.check_url(target)
        require_text(payload, "query")

    def known(self, payload: dict[str, Any]) -> Known:
        """The complexity of the query."""
        return Known(query_complexity=assess(require_text(payload, "query")))

    async def measure(self, spec: Spec) -> list[Sample]:
        """Ask once; complexity, models and confidence are recorded with the time."""
        query = require_text(spec.payload, "query")
        defaults = {
            "client_id": spec.client_id,
            "include_ml_predictions": True,
            "enable_user_feedback": True,
        }
        async with http.new_client(spec) as client:
            answer = await http.call(client, "POST", spec.target, {**defaults, **spec.payload})
        result = answer.json()
        models = [str(model)[:100] for model in result.get("models_used") or []]
        complexity = assess(query)
        metadata = {
            "query": query[:500],
            "query_complexity": complexity,
            "ml_models_used": models,
            "confidence_score": result.get("confidence", 0.0),
        }
        sample = Sample(
            self.metric_name,
            self.metric_category,
            answer.elapsed_ms,
            query_complexity=complexity,
            models=models or None,
            request_id=str(result.get("request_id") or "")[:100] or None,
            endpoint_path=answer.path,
            metadata=metadata,
        )
        return [sample]
