"""A model API as OpenAI's clients expect it: real HTTP, answers that a test knows beforehand."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# How long each answer takes at least (a streamed one: twice, once before each half).
SECONDS = 0.03
PROMPT_TOKENS, COMPLETION_TOKENS = 12, 34
# Models that fail, and how; FLAKY fails once and then answers.
FAILING = {"busy": 429, "broken": 500}
FLAKY = "flaky"


class ModelApi:
    """``answered`` has a (path, model, status) for every request."""

    def __init__(self) -> None:
        self.answered: list[tuple[str, str, int]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """What clients take as their base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def status(self, path: str, model: str) -> int:
        """What the next request is answered with."""
        flaky = model.startswith(FLAKY) and not any(one[1] == model for one in self.answered)
        status = 500 if flaky else FAILING.get(model, 200)
        self.answered.append((path, model, status))
        return status

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: ModelApi


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = asked["model"]
        status = self.server.api.status(self.path, model)
        # A model takes its time: that is what is measured.
        time.sleep(SECONDS)
        if status != 200:
            error = {"error": {"message": "as asked", "type": "test", "code": status}}
            self._answer(error, status)
        elif self.path.endswith("/embeddings"):
            self._answer(embedding(model))
        elif asked.get("stream"):
            self._stream(model)
        else:
            self._answer(completion(model))

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, model: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for part in stream(model):
            self.wfile.write(b"data: " + json.dumps(part).encode() + b"\n\n")
            if part["choices"] and part["choices"][0]["delta"].get("content") == "forty":
                time.sleep(SECONDS)
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""


def response_id(model: str) -> str:
    """The id of a chat's answer."""
    return f"chatcmpl-{model}"


def completion(model: str) -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": "forty-two"}
    return {
        **_head(model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(),
    }


def stream(model: str) -> list[dict[str, Any]]:
    """The same in parts; the last has the tokens, as with include_usage."""
    head = _head(model, "chat.completion.chunk")
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": "forty"}, None),
        ({"content": "-two"}, None),
        ({}, "stop"),
    ]
    parts: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    return [*parts, {**head, "choices": [], "usage": _usage()}]


def embedding(model: str) -> dict[str, Any]:
    """One vector."""
    return {
        "object": "list",
        "model": model,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3]}],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS},
    }


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": response_id(model), "object": kind, "created": 1_700_000_000, "model": model}


def _usage() -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    }
