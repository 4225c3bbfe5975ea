"""The four linear models behind pgml.predict, fitted by ridge regression on real data.

Their NAMES are the specification's. No data about epics, stories or pull requests exists here, so
the regressions behind the names are fitted on what does: the HALIE requests of real people to
language models (data/halie), and for the query classifier the labelled queries shipped beside it.

| name | what it really predicts |
|---|---|
| epic_trajectory_prediction | log of the request's latency in ms |
| story_complexity_estimation | log(1 + characters of the completion) |
| rework_risk_assessment | 0..1: the same person asks the same again within a minute |
| query_complexity_classification | 0 simple, 1 moderate, 2 complex |

R² is that of 5-fold cross-validation: every row is predicted by a fit that has not seen it. So are
the figures that the portal holds against what was promised of a model:

| name | accuracy | business accuracy |
|---|---|---|
| epic_trajectory_prediction | R² | latency within 20 % of the predicted one |
| story_complexity_estimation | R² | within 1 on the logarithmic scale |
| rework_risk_assessment | F1 of "risk of a half or more" | precision of that |
| query_complexity_classification | share of queries put into their class | the same |
"""

import math
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from demo import halie
from demo.classifier import LABELS, SURFACE_FEATURES, load_labelled, surface_features

FOLDS = 5
_RIDGE = 1e-3
_ASKED_AGAIN_SECONDS = 60.0

_KNOWN_BEFORE = (
    "log_prompt_chars", "max_tokens", "temperature", "is_instruct_babbage", "is_davinci",
    "is_jumbo", "is_question_task", "hour_sin", "hour_cos", "log_position_in_session",
    "log_seconds_since_previous",
)  # fmt: skip

Floats = NDArray[np.float64]
# Predicted and actual values → accuracy (None: R² is it) and business accuracy.
Score = Callable[[Floats, Floats], tuple[float | None, float]]


@dataclass(frozen=True)
class LinearModel:
    """intercept + coefficients · features, with how well it does (r2) on how many rows (n).

    ``accuracy`` and ``business_accuracy`` are shares from 0 to 1; ``training_seconds`` is what
    fitting took, cross-validation included.
    """

    name: str
    intercept: float
    coefficients: list[float]
    feature_names: tuple[str, ...]
    r2: float
    n: int
    accuracy: float = 0.0
    business_accuracy: float = 0.0
    training_seconds: float = 0.0

    @property
    def size_mb(self) -> float:
        """What the fitted numbers take when they are stored, in MB."""
        return len(pickle.dumps(self)) / 1e6

    def predict(self, features: Sequence[float]) -> float:
        """The same value pgml.predict returns; raises ValueError for a wrong number of features."""
        pairs = zip(self.coefficients, features, strict=True)
        return self.intercept + math.fsum(weight * value for weight, value in pairs)


@dataclass(frozen=True)
class Ask:
    """What is known of one request, whichever model it goes to. Seconds, characters."""

    at: datetime
    prompt_chars: int
    completion_chars: int
    max_tokens: int
    temperature: float
    model: str
    task: str
    position: int
    seconds_since_previous: float

    def known_before(self) -> list[float]:
        """The features known before the answer, in the order of _KNOWN_BEFORE."""
        angle = 2 * math.pi * (self.at.hour + self.at.minute / 60) / 24
        return [
            math.log1p(self.prompt_chars),
            float(self.max_tokens),
            self.temperature,
            *(float(self.model == name) for name in halie.MODELS[1:]),
            float(self.task == "question"),
            math.sin(angle),
            math.cos(angle),
            math.log(self.position),
            math.log1p(self.seconds_since_previous),
        ]

    def with_length(self) -> list[float]:
        """The 12 features: those known before, and the completion's length."""
        return [*self.known_before(), math.log1p(self.completion_chars)]


def features_of(name: str, ask: Ask, query: str) -> list[float]:
    """The features the named model wants for this request; raises KeyError for another name."""
    if name == "query_complexity_classification":
        return surface_features(query)
    if name == "story_complexity_estimation":
        return ask.known_before()
    if name in ("epic_trajectory_prediction", "rework_risk_assessment"):
        return ask.with_length()
    raise KeyError(name)


def fit_all() -> dict[str, LinearModel]:
    """Fit the four models; about a tenth of a second."""
    rows = [(ask, request) for ask, request in _asks(halie.load_requests()) if request.latency_ms]
    twelve = np.array([ask.with_length() for ask, _ in rows])
    before = twelve[:, : len(_KNOWN_BEFORE)]
    latency = np.log([request.latency_ms for _, request in rows])
    length = np.log1p([request.completion_chars for _, request in rows])
    again = _asked_again([request for _, request in rows])
    labelled = load_labelled()
    wording = np.array([surface_features(query) for query, _ in labelled])
    labels = np.array([float(LABELS.index(label)) for _, label in labelled])
    with_length = (*_KNOWN_BEFORE, "log_completion_chars")
    fitted = [
        fit("epic_trajectory_prediction", with_length, twelve, latency, _within(math.log(1.2))),
        fit("story_complexity_estimation", _KNOWN_BEFORE, before, length, _within(1.0)),
        fit("rework_risk_assessment", with_length, twelve, again, _at_risk),
        fit("query_complexity_classification", SURFACE_FEATURES, wording, labels, _classified),
    ]
    return {model.name: model for model in fitted}


def fit(
    name: str, names: tuple[str, ...], features: Floats, target: Floats, score: Score | None = None
) -> LinearModel:
    """Ridge regression with a free intercept; r2 is cross-validated, never below minus one.

    ``score`` makes accuracy and business accuracy of predicted and actual values.
    """
    began = time.perf_counter()
    fold = np.arange(len(target)) % FOLDS
    predicted = np.zeros(len(target))
    for held_out in range(FOLDS):
        train, test = fold != held_out, fold == held_out
        intercept, weights = _ridge(features[train], target[train])
        predicted[test] = intercept + features[test] @ weights
    missed = float(((target - predicted) ** 2).sum())
    r2 = max(-1.0, 1 - missed / float(((target - target.mean()) ** 2).sum()))
    accuracy, business = score(predicted, target) if score else (None, 0.0)
    intercept, weights = _ridge(features, target)
    return LinearModel(
        name,
        intercept,
        weights.tolist(),
        names,
        r2,
        len(target),
        # A score below 0, worse than the mean, is told as 0.
        max(r2 if accuracy is None else accuracy, 0.0),
        business,
        time.perf_counter() - began,
    )


def _within(distance: float) -> Score:
    """R² stands for the accuracy; right for the business is what lies so close."""
    return lambda predicted, actual: (None, float((abs(predicted - actual) <= distance).mean()))


def _at_risk(predicted: Floats, actual: Floats) -> tuple[float | None, float]:
    """F1 and precision of the risks named."""
    named, risky = predicted >= 0.5, actual >= 0.5
    hits = float((named & risky).sum())
    precision = hits / max(float(named.sum()), 1.0)
    return 2 * hits / max(float(named.sum() + risky.sum()), 1.0), precision


def _classified(predicted: Floats, actual: Floats) -> tuple[float | None, float]:
    """The share put into the right class, by the nearest number."""
    nearest = np.clip(np.rint(predicted), 0, len(LABELS) - 1)
    right = float((nearest == actual).mean())
    return right, right


def _ridge(features: Floats, target: Floats) -> tuple[float, Floats]:
    # Standardised, so that one penalty is fair to all. HALIE's max_tokens, temperature and task
    # say the same thing (each task had one setting): plain least squares would be singular.
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (features - mean) / spread
    gram = scaled.T @ scaled + _RIDGE * len(target) * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (target - target.mean())) / spread
    return float(target.mean() - mean @ weights), weights


def _asks(requests: list[halie.Request]) -> list[tuple[Ask, halie.Request]]:
    previous: dict[str, tuple[int, datetime]] = {}
    asks = []
    for request in requests:
        position, last = previous.get(request.session_id, (0, request.at))
        previous[request.session_id] = position + 1, request.at
        ask = Ask(
            at=request.at,
            prompt_chars=request.prompt_chars,
            completion_chars=request.completion_chars,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            model=request.model,
            task=request.task,
            position=position + 1,
            seconds_since_previous=max(0.0, (request.at - last).total_seconds()),
        )
        asks.append((ask, request))
    return asks


def _asked_again(requests: list[halie.Request]) -> Floats:
    """1 where the session's next request comes soon with a prompt of the same length, else 0."""
    following: dict[str, halie.Request] = {}
    again = np.zeros(len(requests))
    for index in range(len(requests) - 1, -1, -1):
        request = requests[index]
        later = following.get(request.session_id)
        if later and later.prompt_chars == request.prompt_chars:
            again[index] = (later.at - request.at).total_seconds() <= _ASKED_AGAIN_SECONDS
        following[request.session_id] = request
    return again
