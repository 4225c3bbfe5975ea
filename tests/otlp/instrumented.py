"""Services under real instrumentations: a process each, all at once, as starting is most of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.otlp.model_api import ModelApi
from tests.otlp.portal import CHECKOUT, Portal, Relay

# What each needs in its environment.
NAMES: dict[str, dict[str, str]] = {
    "openai-v2": {},
    "openai-v2-latest": {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"},
    "openllmetry": {},
    "openinference": {},
}
SECONDS = 60


@dataclass(frozen=True)
class Call:
    """A call of a model that the service has made, as it saw it."""

    kind: str
    model: str
    success: bool


@dataclass(frozen=True)
class Service:
    """What a service did."""

    name: str
    calls: list[Call]
    api: ModelApi
    relay: Relay


@contextmanager
def run_all(portal: Portal) -> Iterator[dict[str, Service]]:
    """Let all services make their calls and end; AssertionError for one that fails."""
    with ExitStack() as stack:
        started = []
        for name in NAMES:
            api, relay = ModelApi(), Relay(portal.url)
            stack.callback(api.close)
            stack.callback(relay.close)
            process = _start(name, api, relay, portal.keys[name])
            stack.callback(process.kill)
            started.append((name, api, relay, process))
        done = {}
        for name, api, relay, process in started:
            printed, errors = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, errors
            calls = [Call(**json.loads(line)) for line in printed.splitlines()]
            done[name] = Service(name, calls, api, relay)
        yield done


def _start(name: str, api: ModelApi, relay: Relay, key: str) -> "subprocess.Popen[str]":
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTEL_EXPORTER_OTLP_ENDPOINT": relay.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": name,
        "TRACELOOP_TRACE_CONTENT": "false",
        **NAMES[name],
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.otlp.calls", name, api.url],
        cwd=CHECKOUT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
