"""Promise: the SDK adds no more than 25 µs to a request, shipping included, portal dead or alive.

The variants of one application take turns in the same process: plain, with the
SDK and a living portal, a dead one (connections refused) and a hanging one
(taken, never answered), and with OpenTelemetry's instrumentation and batch
processor when it is installed. The applications are a bare one, Django, and the
demo service's fastest endpoint, which may become 5 % slower at most. A turn is a run of
requests at a pace that the exporters keep up with, then a flush: its figure is
the CPU time of the whole process, so encoding, compressing and sending count.
The median of the differences to the plain turn beside it is what is added; the plain
demo takes two turns a round, which shows how much of a difference is noise. The
time that a caller waits is printed as well, and between the demo's turns some requests are
made of the demo's own server: what a machine's load does to one figure it does
to the other. The sink is another process.
"""

import gc
import logging
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import django
from aiosmon_sdk import Client, configure
from django.conf import settings

from bench import sdk_demo
from bench.sdk_variants import Variant, asgi_variants, django_variants
from tests.live.portal import free_port

PROMISE_MICROSECONDS, GOAL_MICROSECONDS, OTEL_RATIO = 25.0, 8.0, 0.1
DEMO_SHARE = 0.05
# A portal that is gone may cost no more; this much is the noise of the measurement.
NOISE_MICROSECONDS = 2.0
REQUESTS, TURNS = 500, 44
# A pause after so many requests keeps the rate at what a busy worker serves.
BURST, PAUSE_SECONDS = 50, 0.006
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
SINK = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def run() -> bool:
    """Print what is added to a request, ASGI and Django; True when the promises are kept.

    In a process of its own, whose Django is not the portal's.
    """
    env = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run([sys.executable, "-m", "bench.sdk"], env=env, check=False).returncode == 0


def main() -> bool:
    """What ``run`` runs."""
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="bench.sdk_variants", LOGGING_CONFIG=None)
    django.setup()
    logging.disable(logging.WARNING)
    with sink() as port, hanging() as silent:
        alive = client(f"http://127.0.0.1:{port}")
        gone = {
            "SDK, dead portal": client(f"http://127.0.0.1:{free_port()}"),
            "SDK, hanging": client(f"http://127.0.0.1:{silent}"),
        }
        # Where a thread wakes must not depend on luck: this process gets one core, the sink others.
        use_cores(set(sorted(CORES)[:1]))
        kept = [
            compare("bare ASGI", asgi_variants(alive, gone, port), alive),
            compare("Django WSGI", django_variants(alive, gone, port), alive),
            compare_demo(alive, gone),
        ]
    return all(kept)


@contextmanager
def sink() -> Iterator[int]:
    """An HTTP server in another process that takes everything."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SINK, str(port)])
    try:
        time.sleep(1)
        yield port
    finally:
        process.kill()
        process.wait()


def use_cores(cores: set[int]) -> None:
    """Keep this thread, and those that it will start, on these; where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


@contextmanager
def hanging() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


def client(url: str) -> Client:
    """An SDK client as it comes."""
    return configure(url, "aiosmon_bench", "bench", make_default=False)


def compare(what: str, variants: list[Variant], alive: Client) -> bool:
    """Take the turns, print each variant's figures; True when the promises are kept."""
    take_turns(what, variants)
    stats = alive.stats()
    plain, living, dead, silent, *others = variants
    ours = added(living, plain)
    kept = ours <= PROMISE_MICROSECONDS and no_more((dead, silent), plain, ours)
    print(
        f"  {what:<12} promise <= {PROMISE_MICROSECONDS:g} (goal {GOAL_MICROSECONDS:g}), dead or "
        f"hanging no more than a living one; rows dropped: {stats['dropped']}"
    )
    for other in others:
        ratio = ours / added(other, plain)
        kept = kept and ratio <= OTEL_RATIO
        print(f"  {what:<12} against {other.name}: ratio {ratio:.3f}   promise <= {OTEL_RATIO}")
    return kept and stats["dropped"] == 0


def compare_demo(alive: Client, gone: dict[str, Client]) -> bool:
    """The same on the demo service; True when its fastest endpoint stays within DEMO_SHARE."""
    name, calls = sdk_demo.callers([None, alive, *gone.values(), None])
    variants = [Variant("plain", calls[0]), Variant("SDK", calls[1], alive.flush)]
    variants += [Variant(name, call) for name, call in zip(gone, calls[2:-1], strict=True)]
    variants.append(Variant("plain again", calls[-1]))
    with sdk_demo.caller_over_http(name) as wait:
        waits = take_turns("demo", variants, wait)
    plain, living, *others, _ = variants
    ours, whole = added(living, plain), statistics.median(waits)
    share = ours / whole
    print(
        f"  demo         {name} takes {whole:.0f} µs over HTTP; share added {share:.3f}   "
        f"promise < {DEMO_SHARE}   ratio {share / DEMO_SHARE:.2f}; dead or hanging no more"
    )
    return share < DEMO_SHARE and no_more(others, plain, ours)


def take_turns(
    what: str, variants: list[Variant], between: Callable[[], list[float]] = list
) -> list[float]:
    """Measure all variants, and print what each adds to the first; the figures of ``between``."""
    others: list[float] = []
    for number in range(TURNS + 1):
        # Another one begins each round: who follows whom is no one's advantage.
        first = number % len(variants)
        for variant in variants[first:] + variants[:first]:
            turn(variant)
        others += between()
    for variant in variants[1:]:
        print(
            f"  {what:<12} {variant.name:<16} + {added(variant, variants[0]):6.1f} µs CPU a "
            f"request, caller waits + {waited(variant, variants[0]):6.1f} µs"
        )
    return others


def no_more(others: Iterable[Variant], plain: Variant, ours: float) -> bool:
    """Whether none of the others adds more than ``ours``, but for the measurement's noise."""
    return all(added(one, plain) <= ours + NOISE_MICROSECONDS for one in others)


def turn(variant: Variant) -> None:
    """One turn; the garbage of the one before is not on its bill."""
    gc.collect()
    waits = 0.0
    began = time.process_time()
    for _ in range(REQUESTS // BURST):
        waits += clocked(variant.call, BURST)
        time.sleep(PAUSE_SECONDS)
    variant.flush()
    variant.cpu.append((time.process_time() - began) / REQUESTS * 1e6)
    variant.wait.append(waits / REQUESTS * 1e6)


def clocked(call: Callable[[int], None], times: int) -> float:
    """Seconds that the calls take."""
    began = time.perf_counter()
    call(times)
    return time.perf_counter() - began


def added(variant: Variant, plain: Variant) -> float:
    """Median CPU µs over the plain turn of the same round; the first round warms up."""
    pairs = zip(variant.cpu[1:], plain.cpu[1:], strict=True)
    return statistics.median(ours - theirs for ours, theirs in pairs)


def waited(variant: Variant, plain: Variant) -> float:
    """Median µs that a caller waits over the plain turn of the same round."""
    pairs = zip(variant.wait[1:], plain.wait[1:], strict=True)
    return statistics.median(ours - theirs for ours, theirs in pairs)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
