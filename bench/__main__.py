"""`python -m bench [name …]`: run the benches named, or all; exit 1 when a promise is broken."""

import sys

from bench import (
    alert_latency,
    alerts_in,
    evaluating,
    false_pages,
    ingest,
    memory,
    otlp,
    petshop,
    sdk,
    slas,
    web_memory,
)

BENCHES = {
    "memory": memory.run,
    "web_memory": web_memory.run,
    "ingest": ingest.run,
    "otlp": otlp.run,
    "sdk": sdk.run,
    "slas": slas.run,
    "alerts_in": alerts_in.run,
    "alert_latency": alert_latency.run,
    "petshop": petshop.run,
    "evaluating": evaluating.run,
    "false_pages": false_pages.run,
}


def main(names: list[str]) -> int:
    """Print each promise with its figure; returns the exit code."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"No bench is named {', '.join(unknown)}; there are: {', '.join(BENCHES)}.")
        return 2
    kept = [BENCHES[name]() for name in names or BENCHES]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
