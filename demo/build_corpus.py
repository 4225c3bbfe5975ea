"""Rebuild data/corpus.jsonl: `python -m demo.build_corpus FILE.md...`.

Markdown files are cut at headings and paragraphs; the HALIE requests in data/halie are summed up
in sentences. Run by hand when a source changes; the service only reads the result.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from demo.corpus import DATA
from demo.halie import Request, load_requests

LONGEST = 420
_HEADING = re.compile(r"^\s*(?:#{1,6}\s+(.*)|\d+\.\s+\*\*(.+?)\*\*:?\s*)$")
_NOISE = re.compile(r"[*`#|>]+|^\s*[-\d.]+\s+(?=\S)|\[[ x]\]")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")


def passages_of_markdown(path: Path) -> Iterator[dict[str, str]]:
    """Passages of at most about LONGEST characters, titled by the heading they stand under."""
    title, gathered = path.stem, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        heading = _HEADING.match(line)
        text = " ".join(_NOISE.sub(" ", _EMOJI.sub("", line)).split())
        if gathered and (heading or not text or len(gathered) + len(text) > LONGEST):
            yield {"source": path.name, "title": title, "text": gathered}
            gathered = ""
        if heading:
            title = " ".join(_NOISE.sub("", _EMOJI.sub("", heading[1] or heading[2])).split())
        elif any(character.isalpha() for character in text):
            gathered = f"{gathered} {text}".strip()
    if gathered:
        yield {"source": path.name, "title": title, "text": gathered}


def passages_of_halie() -> Iterator[dict[str, str]]:
    """What the requests were like, per model and task, per day and per hour of the day."""
    groups: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for request in load_requests():
        day, hour = (
            request.at.strftime("%d %B %Y"),
            f"{request.at:%H}:00 and {request.at:%H}:59 UTC",
        )
        groups["HALIE by model", f"to the model {request.model}"].append(request)
        pair = f"to the model {request.model} in the {request.task} task"
        groups["HALIE by model and task", pair].append(request)
        groups["HALIE by day", f"on {day}"].append(request)
        groups["HALIE by day and model", f"on {day} to {request.model}"].append(request)
        groups["HALIE by hour", f"between {hour}"].append(request)
    for (title, which), requests in groups.items():
        yield {"source": "halie/llm_queries.csv", "title": title, "text": _facts(which, requests)}


def _facts(which: str, requests: list[Request]) -> str:
    good = [request for request in requests if request.latency_ms]
    people = len({request.user for request in requests})
    text = f"People sent {len(requests)} requests {which}. They came from {people} people."
    if good:
        latencies = [request.latency_ms for request in good]
        chars = median(request.completion_chars for request in good)
        text += (
            f" The median latency {which} was {median(latencies):.0f} ms and the longest"
            f" {max(latencies):.0f} ms. The median answer had {chars:.0f} characters."
        )
    return text + f" {len(requests) - len(good)} of these requests failed or had no answer."


def main(paths: list[str]) -> None:
    """Write the corpus from the named Markdown files and the HALIE requests."""
    rows = [row for path in paths for row in passages_of_markdown(Path(path))]
    rows += passages_of_halie()
    kept = [row for row in rows if len(row["text"]) >= 30]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in kept]
    (DATA / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
