"""The parts without a server: corpus, classifier, models, rating, queue, settings."""

import asyncio

import pytest

from demo import corpus, reporting
from demo.classifier import ComplexityClassifier, load_labelled
from demo.config import ConfigError, from_environment
from demo.models import fit_all
from demo.reporting import Reporter
from demo.traffic import rating_of
from demo.vectors import Embedder


def test_it_classifies_held_out_queries_above_the_specifications_threshold():
    embedder = Embedder([passage.text for passage in corpus.load()])
    assert ComplexityClassifier(embedder, load_labelled()).accuracy >= 0.85


def test_it_has_some_hundred_passages_that_can_be_read():
    passages = corpus.load()
    assert len(passages) > 150
    assert all(passage.sentences and passage.title for passage in passages)


def test_it_gives_no_direction_to_a_text_without_words():
    assert not Embedder(["a text"]).embed(["…"]).any()


def test_it_refuses_a_wrong_number_of_features():
    with pytest.raises(ValueError, match="argument"):
        fit_all()["epic_trajectory_prediction"].predict([1.0])


@pytest.mark.parametrize(
    ("confidence", "latency_ms", "complexity", "stars"),
    [
        (0.95, 20, "simple", 5),
        (0.95, 6000, "simple", 3),
        (0.95, 6000, "moderate", 5),
        (0.95, 60_000, "complex", 1),
        (0.4, 20, "simple", 3),
        (0.0, 20, "simple", 2),
    ],
)
def test_it_rates_by_confidence_and_latency(confidence, latency_ms, complexity, stars):
    assert rating_of(confidence, latency_ms, complexity) == stars


def test_it_drops_the_oldest_rows_of_a_full_queue_and_counts_them(monkeypatch):
    monkeypatch.setattr(reporting, "MAX_QUEUED", 3)

    async def fill() -> Reporter:
        reporter = Reporter("http://portal", "key")
        for number in range(5):
            reporter.add({"metric_value": number})
        return reporter

    reporter = asyncio.run(fill())
    assert (reporter.queued, reporter.dropped) == (3, 2)


def test_it_gives_up_after_the_last_attempt_and_counts_the_rows(monkeypatch):
    monkeypatch.setattr(reporting, "FIRST_PAUSE_SECONDS", 0.001)

    async def send() -> Reporter:
        reporter = Reporter("http://127.0.0.1:1", "key")
        reporter.add({"metric_value": 1})
        reporter.add({"metric_value": 2})
        reporter.close()
        await reporter.run()
        return reporter

    reporter = asyncio.run(send())
    assert (reporter.queued, reporter.dropped, reporter.sent) == (0, 2, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("DEMO_TRAFFIC", "much"), ("DEMO_TRAFFIC", "-1"), ("AIOSMON_URL", "host")]
)
def test_it_names_the_setting_it_cannot_use(name, value):
    with pytest.raises(ConfigError, match=name):
        from_environment({name: value})
