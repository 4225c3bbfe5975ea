"""The AI terminal's page and the assets it loads, without a browser."""

import asyncio
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from metrics.models import Category
from metrics.probes import http
from metrics.probes.base import Known, ProbeFailed, Sample, Spec
from metrics.units import Unit

MAX_ASSETS = 50


class PageLoad:
    """Target: the page. Payload: optional ``expect``, a text that the page must contain."""

    metric_name = "ai_terminal_load_time"
    metric_category = Category.USER_INTERFACE
    unit = Unit.MILLISECONDS

    def check(self, target: str, payload: dict[str, Any]) -> None:  # noqa: ARG002
        """An allowed URL."""
        http.check_url(target)

    def known(self, payload: dict[str, Any]) -> Known:  # noqa: ARG002
        """Nothing."""
        return Known()

    async def measure(self, spec: Spec) -> list[Sample]:
        """Load the page, then its same-host scripts, styles and images together."""
        started = time.perf_counter()
        async with http.new_client(spec) as client:
            page = await http.call(client, "GET", spec.target)
            html = page.body.decode("utf-8", "replace")
            expected = spec.payload.get("expect")
            if isinstance(expected, str) and expected not in html:
                reason = f"The page does not contain “{expected}”."
                raise ProbeFailed(reason, page.elapsed_ms, page.path)
            assets = assets_of(html, spec.target)
            answers = await asyncio.gather(*(http.call(client, "GET", url) for url in assets))
        elapsed = (time.perf_counter() - started) * 1000
        metadata = {
            "page_ms": page.elapsed_ms,
            "assets": len(answers),
            "bytes": len(page.body) + sum(len(answer.body) for answer in answers),
        }
        sample = Sample(
            self.metric_name,
            self.metric_category,
            elapsed,
            endpoint_path=page.path,
            metadata=metadata,
        )
        return [sample]


def assets_of(html: str, page_url: str) -> list[str]:
    """The addresses on the page's own host that a browser would load with it."""
    collector = _Assets()
    collector.feed(html)
    host = urlsplit(page_url).netloc
    urls = dict.fromkeys(urljoin(page_url, reference) for reference in collector.found)
    return [url for url in urls if urlsplit(url).netloc == host][:MAX_ASSETS]


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        reference = values.get("src") if tag in {"script", "img"} else None
        if tag == "link" and (values.get("rel") or "") in {"stylesheet", "icon", "preload"}:
            reference = values.get("href")
        if reference and not reference.startswith("data:"):
            self.found.append(reference)
