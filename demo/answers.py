"""Answering a query: retrieve passages, rerank them by fragment, compose the best sentences.

Pure computing, no I/O: it runs in a worker thread. What a query costs follows its complexity:
more passages are reread, in more rounds, each round starting from what the last one found.
Fragments are embedded per request, not cached: that is the service's real load.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo.classifier import Verdict
from demo.corpus import Passage
from demo.vectors import Embedder, Vectors

WINDOW_WORDS, WINDOW_STRIDE = 10, 5
WEIGHT_RANGE = (0.5, 1.5)
_ROUND_BLEND = 0.35
_SAME_SENTENCE = 0.9
_FULL_CONFIDENCE_COSINE = 0.6


@dataclass(frozen=True)
class Effort:
    """How much work one complexity class gets, and the models it asks."""

    passages: int
    rounds: int
    sentences: int
    models: tuple[str, ...]


EFFORTS = {
    "simple": Effort(24, 1, 2, ("query_complexity_classification",)),
    "moderate": Effort(
        48, 2, 4, ("query_complexity_classification", "rework_risk_assessment")
    ),
    "complex": Effort(
        80,
        3,
        6,
        (
            "query_complexity_classification",
            "rework_risk_assessment",
            "story_complexity_estimation",
            "epic_trajectory_prediction",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The text, how sure (0..1), and which passages were shown and which came next."""

    text: str
    confidence: float
    shown: tuple[int, ...]
    runners_up: tuple[int, ...]


class Answerer:
    """The corpus in vectors, with a weight a passage that feedback moves."""

    def __init__(self, embedder: Embedder, passages: Sequence[Passage]) -> None:
        self._embedder = embedder
        self._passages = list(passages)
        self._vectors = embedder.embed([f"{item.title}. {item.text}" for item in passages])
        self.weights = np.ones(len(passages), dtype=np.float32)

    def answer(self, query: str, verdict: Verdict) -> Answer:
        """The extractive answer to a query of the given complexity."""
        effort = EFFORTS[verdict.label]
        asked = self._embedder.embed([query])[0]
        wanted = asked
        for _ in range(effort.rounds):
            ranked = self._rerank(wanted, effort.passages)
            # Pseudo-relevance feedback: the next round also looks for what this one found.
            found = self._vectors[[passage for passage, _ in ranked[:3]]].mean(axis=0)
            wanted = (1 - _ROUND_BLEND) * asked + _ROUND_BLEND * found
        order = [passage for passage, _ in ranked]
        shown, sentences = self._compose(asked, order, effort.sentences)
        others = [passage for passage in order if passage not in shown]
        closeness = min(1.0, max(0.0, ranked[0][1]) / _FULL_CONFIDENCE_COSINE)
        confidence = 0.5 * closeness + 0.5 * verdict.probability
        return Answer(" ".join(sentences), round(confidence, 4), shown, tuple(others[:3]))

    def nearest(self, text: str) -> int:
        """The passage closest to a text, whatever its weight."""
        return int((self._vectors @ self._embedder.embed([text])[0]).argmax())

    def _rerank(self, wanted: Vectors, count: int) -> list[tuple[int, float]]:
        """The best `count` passages by whole-text and best-fragment similarity, best first."""
        coarse = (self._vectors @ wanted) * self.weights
        scored = []
        for index in np.argsort(coarse)[::-1][:count]:
            fragments = self._embedder.embed(_windows(self._passages[index].text))
            best = float((fragments @ wanted).max()) * float(self.weights[index])
            scored.append((int(index), 0.5 * (float(coarse[index]) + best)))
        return sorted(scored, key=lambda item: item[1], reverse=True)

    def _compose(
        self, asked: Vectors, order: list[int], count: int
    ) -> tuple[tuple[int, ...], list[str]]:
        """The sentences closest to the query, none saying the same twice, in reading order."""
        pool = [(p, s) for p in order[: 2 * count] for s in self._passages[p].sentences]
        vectors = self._embedder.embed([sentence for _, sentence in pool])
        chosen: list[int] = []
        for index in np.argsort(vectors @ asked)[::-1]:
            if all(vectors[index] @ vectors[other] < _SAME_SENTENCE for other in chosen):
                chosen.append(int(index))
            if len(chosen) == count:
                break
        chosen.sort()
        shown = tuple(dict.fromkeys(pool[index][0] for index in chosen))
        return shown, [pool[index][1] for index in chosen]


def _windows(text: str) -> list[str]:
    tokens = text.split()
    starts = range(0, max(1, len(tokens) - WINDOW_WORDS + WINDOW_STRIDE), WINDOW_STRIDE)
    return [" ".join(tokens[start : start + WINDOW_WORDS]) for start in starts]
