"""``manage.py replay halie``: a real trace, sent through the REST API as if it happened now."""

import math
import signal
import sys
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from metrics.replay import access, sender, trace
from metrics.replay.progress import Progress
from metrics.replay.registry import DATASETS
from metrics.replay.summary import Summary

DEFAULT_DAYS = 7.0
# No row in the future, even for a portal whose clock is a little behind ours.
BEHIND_NOW = timedelta(seconds=60)
# The oldest row must not reach the end of retention while it is being sent.
RETENTION_MARGIN = timedelta(hours=1)
KEY_MARGIN = timedelta(hours=1)
LEAST, MOST = 0.001, 1_000_000.0  # of --speed and --days
INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C


@dataclass(frozen=True)
class Plan:
    """What is sent where, and how it is moved in time."""

    dataset: trace.Dataset
    moments: Sequence[trace.Moment]
    speed: float
    live: bool
    url: str
    client: str
    batch: int

    @property
    def span(self) -> timedelta:
        """From the first shifted row to the last."""
        return self.moments[-1].offset / self.speed


class Command(BaseCommand):
    """Sends a dataset's rows, then says what was sent, stored and rejected."""

    help = "Send a real trace through the portal's REST API, shifted to end now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See docs/replay.md."""
        parser.add_argument("dataset", choices=sorted(DATASETS))
        pace = parser.add_mutually_exclusive_group()
        pace.add_argument("--speed", type=_number, help="Trace seconds per second.")
        pace.add_argument(
            "--days", type=_number, help=f"Span to fit the trace into; default {DEFAULT_DAYS:g}."
        )
        parser.add_argument(
            "--live", action="store_true", help="Start now and send each row when its time comes."
        )
        parser.add_argument("--url", default=settings.PORTAL_URL, help="Default: %(default)s")
        parser.add_argument(
            "--api-key",
            help="Default: a temporary key from this portal's database, revoked at the end. With "
            "a key, the database is not touched: the client must exist.",
        )
        parser.add_argument("--client", help="Code of the client; default: the dataset's own.")
        parser.add_argument("--batch", type=int, default=500, help="Rows per request; default 500.")
        parser.add_argument("--yes", action="store_true", help="Don't ask before sending.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Plan, ask, send, report. CommandError when anything was not stored."""
        plan = _plan(options)
        summary, started = Summary(), time.monotonic()
        try:
            if not options["yes"]:
                self._confirm(plan)
            with (
                _terminated_like_interrupted(),
                _key(plan, options["api_key"]) as key,
                sender.Sender(plan.url, key) as to_portal,
            ):
                try:
                    self._send(plan, to_portal, summary)
                finally:
                    self._report(plan, to_portal, summary, time.monotonic() - started)
        except KeyboardInterrupt:
            raise CommandError("Stopped before the end.", returncode=INTERRUPTED) from None
        except sender.SendError as error:
            raise CommandError(str(error)) from error
        if to_portal.rejected:
            raise CommandError(f"The portal rejected {to_portal.rejected:,} rows.")

    def _confirm(self, plan: Plan) -> None:
        when = "over the next" if plan.live else "as of the last"
        question = (
            f"Send {len(plan.moments):,} rows of {plan.dataset.code} to {plan.url} for the client "
            f"“{plan.client}”, {when} {plan.span.total_seconds() / 86_400:.3g} days? [y/N] "
        )
        if not sys.stdin.isatty():
            raise CommandError("There is nobody to ask: add --yes.")
        self.stdout.write(question, ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise CommandError("Nothing was sent.")

    def _send(self, plan: Plan, to_portal: sender.Sender, summary: Summary) -> None:
        end = timezone.now() + (plan.span if plan.live else -BEHIND_NOW)
        rows = trace.shift(plan.moments, end=end, speed=plan.speed)
        lots = (
            sender.live_batches(rows, plan.batch, clock=timezone.now)
            if plan.live
            else sender.batches(rows, plan.batch)
        )
        progress = Progress(len(rows), self._draw, terminal=self.stderr.isatty())
        try:
            for lot in lots:
                to_portal.send(
                    [{**row, "client": plan.client, "timestamp": at.isoformat()} for at, row in lot]
                )
                summary.note(lot)
                progress.add(len(lot))
        finally:
            progress.close()

    def _draw(self, text: str) -> None:
        # Not in the red of errors, and without the line's end that Django adds.
        self.stderr.write(text, style_func=str, ending="")
        self.stderr.flush()

    def _report(
        self, plan: Plan, to_portal: sender.Sender, summary: Summary, seconds: float
    ) -> None:
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(
            f"{to_portal.stored:,} rows stored, {to_portal.rejected:,} rejected in {seconds:.1f} s "
            f"(speed {plan.speed:.4g})"
        )
        if to_portal.perhaps_twice:
            self.stdout.write(
                f"{to_portal.perhaps_twice:,} rows were sent again because the answer was lost; "
                "some may be stored twice."
            )
        for rejection in to_portal.rejections:
            self.stderr.write("rejected: {field}: {problem} {fix}".format(**rejection))


def _plan(options: dict[str, Any]) -> Plan:
    """What the options ask for. CommandError for what the portal could not take."""
    dataset = DATASETS[options["dataset"]]
    _check_url(options["url"])
    if not 1 <= options["batch"] <= settings.INGEST_MAX_ROWS:
        raise CommandError(f"--batch: send 1 to {settings.INGEST_MAX_ROWS:,} rows in one request.")
    moments = trace.compact(dataset.load())
    longest = timedelta(days=settings.ROW_RETENTION_DAYS) - RETENTION_MARGIN
    days = options["days"] or min(DEFAULT_DAYS, longest / timedelta(days=1))
    speed = options["speed"] or trace.speed_for(moments, timedelta(days=days))
    client = options["client"] or dataset.client_code
    plan = Plan(dataset, moments, speed, options["live"], options["url"], client, options["batch"])
    if not plan.live and plan.span > longest:
        raise CommandError(
            f"The trace would go back {plan.span.total_seconds() / 86_400:.3g} days, but rows are "
            f"kept for {settings.ROW_RETENTION_DAYS}: use --days "
            f"{math.floor(longest / timedelta(days=0.1)) / 10:g} or less, or --speed "
            f"{math.ceil(trace.speed_for(moments, longest) * 100) / 100:g} or more."
        )
    return plan


def _check_url(url: str) -> None:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CommandError(f"--url: “{url}” is no address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise CommandError(f"--url: write it as {settings.PORTAL_URL}.")


def _key(plan: Plan, given: str | None) -> AbstractContextManager[str]:
    """The key to send with: the given one, or a temporary one of the plan's client."""
    if given:
        return nullcontext(given)
    try:
        client = access.client_for(plan.client, plan.dataset.client_name)
    except (ValidationError, ValueError) as error:
        messages = error.messages if isinstance(error, ValidationError) else [str(error)]
        raise CommandError(f"--client: {' '.join(messages)}") from error
    return access.temporary_key(client, KEY_MARGIN + (plan.span if plan.live else timedelta()))


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt as Ctrl-C does, so that the key is revoked then too."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread handle signals.
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _number(text: str) -> float:
    """A number that leaves every date within the calendar. ArgumentTypeError otherwise."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not LEAST <= number <= MOST:
        raise ArgumentTypeError(f"“{text}” is no number from {LEAST:g} to {MOST:,.0f}.")
    return number
