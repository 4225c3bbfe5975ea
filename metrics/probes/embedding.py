"""Embedding generation: texts in, vectors out."""

from typing import Any

from django.core.exceptions import ValidationError

from metrics.models import Category
from metrics.probes import http
from metrics.probes.base import Known, ProbeFailed, Sample, Spec
from metrics.units import Unit


class Embedding:
    """Payload: ``texts``, or ``text_length`` and ``batch_size`` to have texts made."""

    metric_name = "embedding_generation_time"
    metric_category = Category.AI_QUERY
    unit = Unit.MILLISECONDS

    def check(self, target: str, payload: dict[str, Any]) -> None:
        """An allowed URL, and texts to send."""
        http.check_url(target)
        _texts(payload)

    def known(self, payload: dict[str, Any]) -> Known:  # noqa: ARG002
        """Nothing."""
        return Known()

    async def measure(self, spec: Spec) -> list[Sample]:
        """Embed one batch; every text must come back as a vector."""
        texts = _texts(spec.payload)
        async with http.new_client(spec) as client:
            answer = await http.call(client, "POST", spec.target, {"texts": texts})
        result = answer.json()
        vectors = result.get("vectors")
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            got = len(vectors) if isinstance(vectors, list) else "no"
            reason = f"{got} vectors for {len(texts)} texts"
            raise ProbeFailed(reason, answer.elapsed_ms, answer.path)
        model = str(result.get("model") or "")[:100]
        metadata = {
            "batch_size": len(texts),
            "text_length": max(map(len, texts)),
            "dimensions": result.get("dimensions"),
        }
        sample = Sample(
            self.metric_name,
            self.metric_category,
            answer.elapsed_ms,
            models=[model] if model else None,
            endpoint_path=answer.path,
            metadata=metadata,
        )
        return [sample]


_FILLER = (
    "The team closed twelve issues this sprint and moved three to the next one because the "
    "integration tests of the billing service failed twice. "
)


def _texts(payload: dict[str, Any]) -> list[str]:
    texts = payload.get("texts")
    if texts is not None:
        if isinstance(texts, list) and texts and all(isinstance(t, str) and t for t in texts):
            return texts
        raise ValidationError({"payload": "“texts” must be a list of texts."})
    length, size = payload.get("text_length"), payload.get("batch_size")
    if not isinstance(length, int) or not isinstance(size, int) or length < 1 or size < 1:
        raise ValidationError(
            {"payload": "Give “texts”, or whole numbers “text_length” and “batch_size”."}
        )
    if length * size > 1_000_000:
        raise ValidationError({"payload": "That is more than a million characters."})
    # Numbered, so that a service can't answer the batch from one cached vector.
    return [f"{n}. {_FILLER * (length // len(_FILLER) + 1)}"[:length] for n in range(size)]
