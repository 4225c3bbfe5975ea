"""The parts without a server: corpus, classifier, models, rating, settings."""

import pytest

from demo import corpus
from demo.classifier import ComplexityClassifier, load_labelled
from demo.config import ConfigError, from_environment
from demo.models import fit_all
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


@pytest.mark.parametrize(
    ("name", "value"), [("DEMO_TRAFFIC", "much"), ("DEMO_TRAFFIC", "-1"), ("AIOSMON_URL", "host")]
)
def test_it_names_the_setting_it_cannot_use(name, value):
    with pytest.raises(ConfigError, match=name):
        from_environment({name: value})
