"""What feedback changes: passage weights at once, the classifier by a refit."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from demo.answers import WEIGHT_RANGE, Answer, Answerer
from demo.classifier import LABELS, ComplexityClassifier
from demo.vectors import words

STEP = 0.05
MAX_REMEMBERED = 2000


@dataclass(frozen=True)
class Feedback:
    """One reaction to an answer; `stars` is 1..5 where the feedback says how good it was."""

    request_id: str | None
    stars: int | None
    correction: str | None
    retrain: bool


@dataclass(frozen=True)
class Effect:
    """What a reaction did: passages whose weight moved, and the example to refit with, if any.

    ``label`` is the class of the query that was reacted to, while its answer is remembered.
    """

    passages_changed: int
    example: tuple[str, str] | None
    label: str | None


@dataclass(frozen=True)
class _Given:
    query: str
    label: str
    answer: Answer


class Learner:
    """Remembers the last answers and learns from reactions to them. Safe across threads."""

    def __init__(self, answerer: Answerer, classifier: ComplexityClassifier) -> None:
        self._answerer = answerer
        self._classifier = classifier
        self._given: OrderedDict[str, _Given] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, request_id: str, query: str, label: str, answer: Answer) -> None:
        """Keep an answer for its feedback; the oldest of MAX_REMEMBERED is forgotten."""
        with self._lock:
            self._given[request_id] = _Given(query, label, answer)
            if len(self._given) > MAX_REMEMBERED:
                self._given.popitem(last=False)

    def knows(self, request_id: str) -> bool:
        """Whether the answer of that request is still remembered."""
        return request_id in self._given

    def take(self, feedback: Feedback) -> Effect:
        """Move weights; find the example to learn (the refit itself is `refit`, and slow)."""
        given = self._given.get(feedback.request_id or "")
        up: set[int] = set()
        down: set[int] = set()
        if given and feedback.stars is not None and feedback.stars >= 4:
            up |= set(given.answer.shown)
        elif given and feedback.stars is not None and feedback.stars <= 2:
            # The perceptron's step on a mistake: away from what was shown, towards what was not.
            down |= set(given.answer.shown)
            up |= set(given.answer.runners_up)
        if feedback.correction:
            right = self._answerer.nearest(feedback.correction)
            up.add(right)
            down |= set(given.answer.shown) - {right} if given else set()
        with self._lock:
            self._step(up, STEP)
            self._step(down, -STEP)
        example = _example(feedback.correction, given) if feedback.retrain else None
        return Effect(len(up | down), example, given.label if given else None)

    def refit(self, example: tuple[str, str]) -> None:
        """Refit the classifier with one more labelled query."""
        self._classifier.learn(*example)

    def _step(self, passages: set[int], by: float) -> None:
        weights = self._answerer.weights
        index = sorted(passages)
        weights[index] = np.clip(weights[index] + by, *WEIGHT_RANGE)


def _example(correction: str | None, given: _Given | None) -> tuple[str, str] | None:
    """A correction that names a class relabels the query; another wording keeps its class."""
    if not correction or not given:
        return None
    named = [label for label in LABELS if label in words(correction)]
    if len(named) == 1:
        return given.query, named[0]
    return correction, given.label
