"""Promise: ingestion over HTTP, committed, stays near raw COPY and far ahead of DRF's ordinary way.

In one run, with the load generator on the same cores: batches of 1000 rows
against a raw COPY of such rows into the same table over as many connections,
and against DRF's ModelSerializer(many=True) + bulk_create behind the same
server; single rows over 64 connections against ModelSerializer.save().
"""

import json
import subprocess
import sys
import threading
import time

import psycopg

from bench import servers

SECONDS = 6.0
CONNECTIONS = 4
BATCH = 1000
SINGLE_CONNECTIONS = 64
COPY_RATIO, DRF_BATCH_RATIO, DRF_SINGLE_RATIO = 0.6, 8.0, 5.0
MAKE_KEY = (
    "from accounts import keys; from accounts.models import ApiKey; "
    "print('KEY', keys.issue('bench', [ApiKey.Scope.INGEST])[1])"
)


def run() -> bool:
    """Print rows and requests per second with their ratios; True when the promises are kept."""
    with servers.database() as url:
        key = servers.manage(url, "shell", "-v", "0", "-c", MAKE_KEY).split("KEY ")[1].strip()
        copy = raw_copy(url)
        with servers.web(url) as port:
            batches = load(port, "/api/v1/metrics/", key, BATCH, CONNECTIONS, "portal")
            singles = load(port, "/api/v1/metrics/", key, 1, SINGLE_CONNECTIONS, "portal")
        with servers.web(url, "bench.reference_settings", "wsgi") as port:
            drf_batches = load(port, "/bulk/", key, BATCH, CONNECTIONS, "drf")
            drf_singles = load(port, "/save/", key, 1, SINGLE_CONNECTIONS, "drf")
        copy = (copy + raw_copy(url)) / 2
    kept = [
        line("batches of 1000, rows/s", batches["rows"], "raw COPY", copy, COPY_RATIO),
        line(
            "batches of 1000, rows/s", batches["rows"], "DRF", drf_batches["rows"], DRF_BATCH_RATIO
        ),
        line(
            "one row a request, /s", singles["rows"], "DRF", drf_singles["rows"], DRF_SINGLE_RATIO
        ),
    ]
    print(f"  p99 of one row: {singles['p99_ms']:.0f} ms; DRF: {drf_singles['p99_ms']:.0f} ms")
    return all(kept)


def line(what: str, ours: float, name: str, theirs: float, promise: float) -> bool:
    """Print one comparison; True when the ratio is at least the promise."""
    ratio = ours / theirs
    print(
        f"  {what:<26} {ours:9,.0f}   {name:<8} {theirs:9,.0f}   "
        f"ratio {ratio:6.2f}   promise >= {promise:g}"
    )
    return ratio >= promise


def load(
    port: int, path: str, key: str, rows: int, connections: int, form: str
) -> dict[str, float]:
    """Run the load generator; returns what it measured."""
    argv = [sys.executable, "-m", "bench.load", str(port), path, key]
    argv += [str(rows), str(connections), str(SECONDS), form]
    done = subprocess.run(argv, cwd=servers.CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def raw_copy(url: str, connections: int = CONNECTIONS) -> float:
    """Rows/s of COPY from ready-made text, a commit per 1000, over so many connections."""
    text = copy_text()
    counts = [0] * connections
    until = time.perf_counter() + SECONDS
    began = time.perf_counter()
    threads = [
        threading.Thread(target=copy_batches, args=(url, text, until, counts, n))
        for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def copy_batches(url: str, text: bytes, until: float, counts: list[int], place: int) -> None:
    """COPY and commit the same 1000 rows until the time is over."""
    columns = (
        "metric_name, metric_category, metric_value, measurement_unit, component, service_name, "
        "endpoint_path, client_id, request_id, query_complexity, ml_models_used, timestamp, "
        "metadata"
    )
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        while time.perf_counter() < until:
            with cursor.copy(f"COPY ai_performance_metrics ({columns}) FROM STDIN") as copy:
                copy.write(text)
            connection.commit()
            counts[place] += BATCH


def copy_text() -> bytes:
    """1000 rows as the load generator makes them, in COPY's text format."""
    from bench.load import row

    lines = []
    for number in range(BATCH):
        fields = row(number, "portal")
        values = [
            fields["metric_name"],
            fields["metric_category"],
            repr(fields["metric_value"]),
            fields["measurement_unit"],
            fields["component"],
            fields["service_name"],
            fields["endpoint_path"],
            "1",
            fields["request_id"],
            fields["query_complexity"],
            json.dumps(fields["ml_models_used"]),
            fields["timestamp"],
            json.dumps(fields["metadata"]),
        ]
        lines.append("\t".join(values) + "\n")
    return "".join(lines).encode()
