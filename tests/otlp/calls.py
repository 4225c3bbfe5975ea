"""A service that calls models under one instrumentation: `python -m tests.otlp.calls NAME URL`.

A process of its own, since instrumentations patch the client library. Exporters
are set by OTEL_* as in any service. Prints each call it made, a JSON line each.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import openai
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MESSAGES: Any = [{"role": "user", "content": "What is six times seven?"}]


def instrument(name: str) -> None:
    """Patch the client library as a service would."""
    if name.startswith("openai-v2"):
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()
    elif name == "openllmetry":
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Traceloops

        Traceloops().instrument()
    else:
        from openinference.instrumentation.openai import OpenAIInstrumentor as Arizes

        Arizes().instrument()


def main(name: str, url: str) -> None:
    """Make every kind of call."""
    traces, meters, logs = TracerProvider(), MeterProvider([_reader()]), LoggerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(meters)
    set_logger_provider(logs)
    instrument(name)
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
    chat = client.chat.completions
    for model in ("gpt-4o", "gpt-4o-mini"):
        call("chat", model, lambda model=model: chat.create(model=model, messages=MESSAGES))
    call("chat", "gpt-4o-stream", lambda: stream(chat, "gpt-4o-stream"))
    for model in ("busy", "broken"):
        call("chat", model, lambda model=model: chat.create(model=model, messages=MESSAGES))
    patient = client.with_options(max_retries=1).chat.completions
    call("chat", "flaky", lambda: patient.create(model="flaky", messages=MESSAGES))
    vectors = client.embeddings
    call("embeddings", "ada", lambda: vectors.create(model="ada", input="six times seven"))
    call("embeddings", "busy", lambda: vectors.create(model="busy", input="six times seven"))
    asyncio.run(asynchronous(url))
    traces.shutdown()
    meters.shutdown()
    logs.shutdown()


def stream(chat: Any, model: str) -> None:
    """A streamed answer, read to its end."""
    parts = chat.create(
        model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert text == "forty-two"


async def asynchronous(url: str) -> None:
    """The asynchronous client: an answer at once, and one in parts."""
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        chat = client.chat.completions
        await chat.create(model="gpt-4o-async", messages=MESSAGES)
        tell("chat", "gpt-4o-async", True)
        parts: Any = await chat.create(
            model="gpt-4o-async-stream",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for _part in parts:
            pass
        tell("chat", "gpt-4o-async-stream", True)


def call(kind: str, model: str, make: Callable[[], Any]) -> None:
    """One call, whether it succeeds or not."""
    try:
        make()
    except openai.APIStatusError:
        tell(kind, model, False)
    else:
        tell(kind, model, True)


def tell(kind: str, model: str, success: bool) -> None:
    """What the test will look for."""
    print(json.dumps({"kind": kind, "model": model, "success": success}), flush=True)  # noqa: T201


def _reader() -> PeriodicExportingMetricReader:
    """Exports once, at the end."""
    return PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=600_000)


if __name__ == "__main__":
    main(*sys.argv[1:])
