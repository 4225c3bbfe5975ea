"""How complex a query is, told from its words."""

import pytest

from metrics.probes.complexity import LONG_WORDS, VERY_LONG_WORDS, assess

TABLE = [
    ("How many open issues are there?", "simple"),
    ("Show the current sprint", "simple"),
    ("List my tasks", "simple"),
    ("", "simple"),
    ("Team performance with risk assessment for the last sprint", "moderate"),
    ("PREDICT the completion of epic 7", "moderate"),
    ("Compare velocity between teams", "moderate"),
    ("Why was the release late?", "moderate"),
    ("Recommend a strategy for technical debt", "complex"),
    ("What should we do next quarter?", "complex"),
    ("Complete analysis with DORA metrics", "complex"),
    ("Optimise the roadmap", "complex"),
    ("Predict delivery and recommend a plan", "complex"),  # the higher class wins
    ("Is the word unpredictable here?", "simple"),  # whole words count
    ("word " * LONG_WORDS, "simple"),
    ("word " * (LONG_WORDS + 1), "moderate"),
    ("word " * VERY_LONG_WORDS, "moderate"),
    ("word " * (VERY_LONG_WORDS + 1), "complex"),
]


@pytest.mark.parametrize(("query", "expected"), TABLE)
def test_it_tells_a_querys_class_from_its_words(query: str, expected: str) -> None:
    assert assess(query) == expected
