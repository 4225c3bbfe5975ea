"""A process that counts and times calls: ``exporting.py ENDPOINT KEY SERVICE CALLS``.

It exports after each call, cumulatively as OpenTelemetry does by default, and then
dies without a goodbye.
"""

import os
import sys

from tests.metrics.exporter import meters

endpoint, key, service, calls = *sys.argv[1:4], int(sys.argv[4])
with meters(endpoint, key, service=service) as (meter, flush):
    choices = meter.create_counter("gen_ai.client.generation.choices")
    duration = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
    for number in range(calls):
        choices.add(2)
        duration.record(0.1 * (number + 1))
        flush()
    os._exit(0)
