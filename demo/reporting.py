"""The service's metric rows: which requests, under which names; the SDK sends them."""

from typing import Any

from aiosmon_sdk import Call, Client, Rule, configure

from demo.config import Config
from demo.models import LinearModel

SERVICE = "demo-ai"
CLIENT_HEADER = "X-Client"
FLUSH_SECONDS = 2.0
INFERENCE_METRIC = "ml_prediction_inference_time"

RULES = (
    Rule("/api/ai/query", "conversational_query_response_time", "ai_query", "cognitive_core"),
    Rule("/api/ai/feedback", "user_feedback_processing_time", "user_feedback", "user_interface"),
    Rule("/api/ai/embed", "embedding_generation_time", "ai_query", "data_intelligence"),
    Rule("/terminal", "ai_terminal_load_time", "user_interface", "user_interface"),
)
# For the middleware. Refused requests (4xx) are left out: the caller's mistake is not the
# service's failure.
MEASURED: dict[str, Any] = {
    "include": [rule.path for rule in RULES],
    "rules": RULES,
    "client_header": CLIENT_HEADER,
    "client_errors": False,
}


def connect(config: Config) -> Client:
    """The client that the middleware uses from now on; without URL and key it sends nothing."""
    return configure(
        config.portal_url, config.portal_key, SERVICE, "cognitive_core", exit_seconds=FLUSH_SECONDS
    )


def is_reported(call: Call) -> bool:
    """Whether a row is made of the request: not of a portal's probe, nor without a portal."""
    return bool(call.metric_name)


def rate(
    client: Client, call: Call, request_id: str, rating: float | str, correction: str | None
) -> None:
    """Send the rating that ``call`` brought of an earlier request; a probe's is not sent."""
    if is_reported(call):
        client.rate(request_id, rating, correction=correction, client=call.client)


def trained(client: Client, model: LinearModel) -> None:
    """Report what the training of a model came to."""
    for name, value, unit in (
        ("model_accuracy", model.accuracy, "accuracy"),
        ("model_business_accuracy", model.business_accuracy, "accuracy"),
        ("ml_training_time", model.training_seconds, "seconds"),
        ("ml_model_size", model.size_mb, "mb"),
    ):
        client.record(
            name,
            value,
            unit=unit,
            category="ml_inference",
            component="cognitive_core",
            models=[model.name],
            metadata={"rows": model.n},
        )


def figures(client: Client) -> dict[str, int]:
    """Rows queued, sent and dropped, for the health page."""
    stats = client.stats()
    return {name: stats.get(name, 0) for name in ("queued", "sent", "dropped")}
