"""Prometheus and Alertmanager watching the same change, as quick as their settings go."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench import servers
from bench.hooks import Receiver
from tests.live.portal import free_port

COMMANDS = ("prometheus", "prometheus-alertmanager")
SETTLE_SECONDS = 30.0
_PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: bench, static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]}}
"""
_RULES = """
groups:
  - name: bench
    rules: [{alert: Late, expr: bench_bad > 0}]
"""
_ALERTMANAGER = """
route: {{receiver: hook, group_by: [component], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}"}}]}}]
"""


def installed() -> bool:
    """Whether both commands are on the PATH."""
    return all(shutil.which(command) for command in COMMANDS)


def run(count: int, every: float) -> None:
    """Print the time from the change of each of so many gauges to its web-hook."""
    with Receiver() as receiver, _exporter(count) as (port, broken), _watching(port, receiver.url):
        for number in range(count):
            broken[f"late{number}"] = time.time()
            time.sleep(every)
        deadline = time.monotonic() + SETTLE_SECONDS
        while len(receiver.components()) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        heard = receiver.first()
    times = sorted(heard[name] - at for name, at in broken.items() if name in heard)
    p50, p95, p99 = (times[int(share * (len(times) - 1))] for share in (0.5, 0.95, 0.99))
    print(
        f"  {'Prometheus and Alertmanager, 1 s/1 s/0 s':<36} p50 {p50:6.3f} s   p95 {p95:6.3f} s   "
        f"p99 {p99:6.3f} s   ({len(times)} of {count} told)"
    )


@contextmanager
def _exporter(count: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Serves a gauge a component: 1 once it is broken."""
    broken: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            names = [f"late{number}" for number in range(count)]
            lines = [f'bench_bad{{component="{n}"}} {int(n in broken)}\n' for n in names]
            body = "".join(lines).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], broken
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _watching(exporter: int, url: str) -> Iterator[None]:
    """Both, with their data in a directory that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="aiosmon-bench-prometheus-"))
    ports = free_port(), free_port()
    rules = folder / "rules.yml"
    rules.write_text(_RULES)
    told = {"rules": rules, "alertmanager": ports[1], "exporter": exporter}
    (folder / "prometheus.yml").write_text(_PROMETHEUS.format(**told))
    (folder / "alertmanager.yml").write_text(_ALERTMANAGER.format(url=url))
    commands = [
        [
            "prometheus-alertmanager",
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{ports[1]}",
            "--cluster.listen-address=",
        ],
        [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
        ],
    ]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(command, **quiet) for command in commands]
    try:
        for port in ports:
            servers.wait(lambda port=port: servers.answers(port, "/-/ready"))
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
