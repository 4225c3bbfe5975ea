"""User feedback, from sending it to its being taken: POST /api/ai/feedback."""

from typing import Any

from metrics.models import Category
from metrics.probes import http
from metrics.probes.base import Known, Sample, Spec, require_text
from metrics.units import Unit


class UserFeedback:
    """Payload: ``feedback`` (its type); optional ``userCorrection``, ``triggers_retraining``, …."""

    metric_name = "user_feedback_processing_time"
    metric_category = Category.USER_FEEDBACK
    unit = Unit.MILLISECONDS

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """An allowed URL and a type of feedback."""
        http.check_url(target)
        require_text(payload, "feedback")

    def known(self, payload: dict[str, Any]) -> Known:  # noqa: ARG002
        """Nothing."""
        return Known()

    async def measure(self, spec: Spec) -> list[Sample]:
        """Give feedback once."""
        async with http.new_client(spec) as client:
            payload = {"client_id": spec.client_id, **spec.payload}
            answer = await http.call(client, "POST", spec.target, payload)
        answer.json()
        metadata = {
            "feedback_type": spec.payload.get("feedback"),
            "has_correction": bool(spec.payload.get("userCorrection")),
            "triggers_retraining": bool(spec.payload.get("triggers_retraining", False)),
        }
        sample = Sample(
            self.metric_name,
            self.metric_category,
            answer.elapsed_ms,
            endpoint_path=answer.path,
            metadata=metadata,
        )
        return [sample]
