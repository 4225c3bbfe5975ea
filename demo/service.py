"""The running service: its fitted parts, its workers, and what each kind of request does."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiosmon_sdk import Call

from demo import corpus
from demo.answers import EFFORTS, Answer, Answerer
from demo.classifier import ComplexityClassifier, load_labelled
from demo.config import Config
from demo.degrade import Degradations
from demo.gauges import Gauges
from demo.learning import Effect, Feedback, Learner
from demo.models import Ask, features_of, fit_all
from demo.pgml import Pgml, Prediction
from demo.problems import Problem
from demo.reporting import INFERENCE_METRIC, connect, is_reported, trained
from demo.vectors import Embedder

log = logging.getLogger("demo")

T = TypeVar("T")

QUERY_SLOTS = 8
# Above the portal's limit of 100 waiting queries: the breach is seen before requests are refused.
MAX_WAITING = 200
MAX_CLIENTS_SEEN = 1000


class Service:
    """Everything fitted at start, and the state that requests change."""

    def __init__(self, config: Config) -> None:
        """Load and fit (about half a second of computing); nothing is started yet."""
        self.config = config
        passages = corpus.load()
        self.embedder = Embedder([f"{item.title}. {item.text}" for item in passages])
        self.classifier = ComplexityClassifier(self.embedder, load_labelled())
        self.answerer = Answerer(self.embedder, passages)
        self.learner = Learner(self.answerer, self.classifier)
        self.models = fit_all()
        self.passages = len(passages)
        self.degradations = Degradations()
        self.gauges = Gauges()
        self.pgml = Pgml(config.database_url)
        self.portal = connect(config)
        self._slots = asyncio.Semaphore(QUERY_SLOTS)
        workers = min(4, os.cpu_count() or 1)
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="demo")
        # A refit gets its own thread: it must not stand in the way of answers.
        self._refitter = ThreadPoolExecutor(1, thread_name_prefix="demo-refit")
        self._refitting: asyncio.Future[None] | None = None
        self._asked: OrderedDict[str | None, tuple[int, datetime]] = OrderedDict()

    async def compute(self, work: Callable[[], T]) -> T:
        """Run work that needs the CPU in the bounded pool, so that the event loop stays free."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    async def query(self, call: Call, query: str, *, predict: bool) -> dict[str, Any]:
        """Classify, answer and predict; raises Problem 503 when too many wait, 500 if degraded."""
        self.gauges.query_arrived()
        try:
            # Classified before anything can fail: a failed query counts against its class too.
            verdict = await self.compute(lambda: self.classifier.classify(query))
            call.complexity = verdict.label
            async with self._slot():
                await self.degradations.apply("cognitive_core")
                answer = await self.compute(lambda: self.answerer.answer(query, verdict))
                predictions = await self._predict(call, query, answer) if predict else None
        finally:
            self.gauges.query_left()
        self.learner.remember(call.request_id, query, verdict.label, answer)
        # The model that answers comes first: it is the one that a row's series is named for.
        call.models = ["lsa_retrieval", *call.models, "complexity_classifier"]
        call.metadata["confidence"] = answer.confidence
        return {
            "request_id": call.request_id,
            "answer": answer.text,
            "complexity": verdict.label,
            "models_used": call.models,
            "confidence": answer.confidence,
            "predictions": predictions,
        }

    async def feedback(self, feedback: Feedback) -> tuple[Effect, str]:
        """Learn from a reaction; also says what became of the wish to retrain."""
        await self.degradations.apply("user_interface")
        effect = await self.compute(lambda: self.learner.take(feedback))
        return effect, self._retrain(feedback, effect)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector a text."""
        self.gauges.embedded(len(texts))
        await self.degradations.apply("data_intelligence")
        return await self.compute(lambda: self.embedder.embed(texts).tolist())

    async def report_resources(self) -> None:
        """Report the gauges for ever, every `config.resource_seconds`, once what was trained."""
        new = list(self.models.values())
        while True:
            await asyncio.sleep(self.config.resource_seconds)
            for model in new:
                trained(self.portal, model)
            new = []
            for name, value, unit, component in self.gauges.read():
                self.portal.record(
                    name, value, unit=unit, category="system_health", component=component
                )

    async def close(self) -> None:
        """Let go of threads and connections; work under way in a thread is not waited for."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._refitter.shutdown(wait=False, cancel_futures=True)
        await self.pgml.close()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of QUERY_SLOTS places to work; raises Problem 503 when MAX_WAITING wait already."""
        if self._slots.locked():
            if self.gauges.waiting >= MAX_WAITING:
                raise Problem(503, None, "Too many queries are waiting.", "Try again later.")
            self.gauges.wait_began()
            try:
                await self._slots.acquire()
            finally:
                self.gauges.wait_ended()
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    async def _predict(self, call: Call, query: str, answer: Answer) -> dict[str, Any] | None:
        """Ask the models of the query's class; None without a database. A failed one is null."""
        if self.pgml.state != "ready":
            return None
        ask = self._ask(call, query, answer)
        names = EFFORTS[call.complexity or "simple"].models
        calls = [self.pgml.predict(name, features_of(name, ask, query)) for name in names]
        done = await asyncio.gather(*calls)
        for prediction in done:
            self._report_inference(call, prediction)
        asked = [prediction.model for prediction in done if prediction.error is None]
        call.models = [*call.models, *asked]
        return {prediction.model: prediction.value for prediction in done}

    def _report_inference(self, call: Call, prediction: Prediction) -> None:
        if prediction.error is not None:
            log.warning("pgml.predict of %s failed: %s", prediction.model, prediction.error)
        if is_reported(call):
            self.portal.record(
                INFERENCE_METRIC,
                prediction.ms,
                category="ml_inference",
                timestamp=datetime.fromtimestamp(call.started_at, UTC),
                endpoint=call.endpoint,
                client=call.client,
                request_id=call.request_id,
                models=[prediction.model],
                success=prediction.error is None,
                metadata={"feature_count": prediction.features},
            )

    def _ask(self, call: Call, query: str, answer: Answer) -> Ask:
        """This request in the terms of the models: a HALIE question task, its first model."""
        now = datetime.now(UTC)
        count, last = self._asked.pop(call.client, (0, now))
        self._asked[call.client] = count + 1, now
        if len(self._asked) > MAX_CLIENTS_SEEN:
            self._asked.popitem(last=False)
        return Ask(
            at=now,
            prompt_chars=len(query),
            completion_chars=len(answer.text),
            max_tokens=100,
            temperature=0.5,
            model="InstructDavinci",
            task="question",
            position=count + 1,
            seconds_since_previous=max(0.0, (now - last).total_seconds()),
        )

    def _retrain(self, feedback: Feedback, effect: Effect) -> str:
        if not feedback.retrain:
            return "not asked"
        if effect.example is None:
            return "nothing to learn: it needs userCorrection and the request_id of a recent answer"
        if self._refitting and not self._refitting.done():
            return "already running"
        example = effect.example
        loop = asyncio.get_running_loop()
        self._refitting = loop.run_in_executor(self._refitter, lambda: self.learner.refit(example))
        return "started"
