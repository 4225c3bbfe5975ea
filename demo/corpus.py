"""The text the service answers from: short passages, each with its source."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")


@dataclass(frozen=True)
class Passage:
    """A few sentences of one source."""

    id: int
    source: str
    title: str
    text: str

    @property
    def sentences(self) -> list[str]:
        """The passage cut where a sentence ends and another begins."""
        return [part for part in _SENTENCE_END.split(self.text) if part]


def load(path: Path = DATA / "corpus.jsonl") -> list[Passage]:
    """All passages, in file order; `id` is the position."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Passage(id=index, **json.loads(line)) for index, line in enumerate(lines)]
