"""How complex is a query: simple, moderate or complex? Multinomial logistic regression in numpy."""

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.corpus import DATA
from demo.vectors import Embedder, words

LABELS = ("simple", "moderate", "complex")
SURFACE_FEATURES = (
    "words", "characters", "commas", "conjunctions", "comparisons", "forecasts", "advice",
    "short_question",
)  # fmt: skip
FOLDS = 5
_STEPS, _STEP_SIZE, _PENALTY = 300, 0.5, 0.004
_MAX_LEARNED = 200

_CONJUNCTIONS = {"and", "or", "with", "by", "per", "given", "across", "between", "using"}
_COMPARISONS = ("compar", "correlat", "relat", "trend", "rank", "differ", "change", "versus")
_FORECASTS = ("predict", "forecast", "expect", "likel", "risk", "estimat", "project", "will")
_ADVICE = ("recommend", "strateg", "propos", "plan", "advis", "roadmap", "scenario", "priorit")
_SHORT_QUESTIONS = {"how", "what", "which", "who", "when", "is", "list", "count", "show", "number"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """The likeliest label and its probability."""

    label: str
    probability: float


def surface_features(query: str) -> list[float]:
    """Numbers read off the query's wording, in the order of SURFACE_FEATURES, each about 0 to 3."""
    tokens = words(query)

    def starting(stems: tuple[str, ...]) -> float:
        return float(sum(token.startswith(stems) for token in tokens))

    short = len(tokens) <= 10 and bool(tokens) and tokens[0] in _SHORT_QUESTIONS
    return [
        min(len(tokens), 40) / 10,
        min(len(query), 300) / 100,
        min(query.count(","), 6) / 2,
        min(sum(token in _CONJUNCTIONS for token in tokens), 6) / 2,
        starting(_COMPARISONS),
        starting(_FORECASTS),
        starting(_ADVICE),
        float(short),
    ]


def load_labelled(path: Path = DATA / "complexity.jsonl") -> list[tuple[str, str]]:
    """The shipped (query, label) pairs."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(row["query"], row["label"]) for row in rows]


class ComplexityClassifier:
    """Fitted when made; learns corrections by a refit. Safe to use from several threads."""

    def __init__(self, embedder: Embedder, labelled: Sequence[tuple[str, str]]) -> None:
        """Fit; `accuracy` is that of 5-fold cross-validation: each query judged while held out."""
        self._embedder = embedder
        self._labelled = list(labelled)
        self._learned: deque[tuple[str, str]] = deque(maxlen=_MAX_LEARNED)
        self._refitting = threading.Lock()
        self.accuracy = 0.0
        self._weights = self._fit()

    def classify(self, query: str) -> Verdict:
        """The query's label and how probable it is."""
        odds = _softmax(self._features([query]) @ self._weights)[0]
        best = int(odds.argmax())
        return Verdict(LABELS[best], float(odds[best]))

    def learn(self, query: str, label: str) -> None:
        """Refit with one more labelled query; the last 200 such are kept."""
        with self._refitting:
            self._learned.append((query, label))
            self._weights = self._fit()

    @property
    def learned(self) -> int:
        """How many corrections are part of the fit."""
        return len(self._learned)

    def _features(self, queries: Sequence[str]) -> Floats:
        surface = np.array([surface_features(query) for query in queries])
        ones = np.ones((len(queries), 1))
        return np.hstack([ones, surface, self._embedder.embed(queries).astype(np.float64)])

    def _fit(self) -> Floats:
        pairs = [*self._labelled, *self._learned]
        features = self._features([query for query, _ in pairs])
        labels = np.array([LABELS.index(label) for _, label in pairs])
        fold = np.arange(len(pairs)) % FOLDS
        right = 0
        for held_out in range(FOLDS):
            weights = _descend(features[fold != held_out], labels[fold != held_out])
            guesses = (features[fold == held_out] @ weights).argmax(axis=1)
            right += int((guesses == labels[fold == held_out]).sum())
        self.accuracy = right / len(pairs)
        return _descend(features, labels)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _descend(features: Floats, labels: NDArray[np.int64]) -> Floats:
    """Ridge-penalised maximum likelihood by gradient descent from zero (so: deterministic)."""
    wanted = np.eye(len(LABELS))[labels]
    weights = np.zeros((features.shape[1], len(LABELS)))
    for _ in range(_STEPS):
        slope = features.T @ (_softmax(features @ weights) - wanted) / len(labels)
        weights -= _STEP_SIZE * (slope + _PENALTY * weights)
    return weights
