"""A small honest OpenAI-compatible server on 127.0.0.1, and the ways in which real ones fail.

    with FakeEndpoint() as server:
        Endpoint.from_spec(server.spec)

It answers from `answer`, counts words as tokens, checks key, model, context and quota like the
real thing, and records what it was asked.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Reply:
    """One raw reply; `delay` seconds pass before it is sent."""

    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


def fault(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """An error as OpenAI words it; `Retry_After="1"` becomes the header Retry-After."""
    error = {"message": message, "type": "error", "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps({"error": error}), named)


def said(content: Any, finish: str = "stop", usage: dict[str, int] | None = None) -> Reply:
    """A chat completion with this content, whatever it is."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    body = {"object": "chat.completion", "choices": [{**choice, "finish_reason": finish}]}
    return Reply(body=json.dumps(body | ({"usage": usage} if usage else {})))


RUBBISH = Reply(body="<html>Bad gateway</html>")
NO_CHOICES = Reply(body='{"choices": []}')
NULL_CONTENT = said(None)


def echo(messages: Messages) -> str:
    return messages[-1]["content"]


@dataclass
class FakeEndpoint:
    answer: Callable[[Messages], str] = echo
    faults: list[Reply] = field(default_factory=list)
    """Sent for the first requests, one each; then the server is well."""
    always: Reply | None = None
    """Sent for every request, instead of answers."""
    delay: float = 0.0
    """Seconds that each answer takes."""
    models: tuple[str, ...] = ("fake",)
    key: str | None = None
    """The only key accepted; None asks for none."""
    quota: int | None = None
    """Answers until the money is gone."""
    context: int | None = None
    """Words that a prompt may have."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies, as received."""
    times: list[float] = field(default_factory=list)
    """`time.monotonic` of each request's arrival."""
    authorizations: list[str | None] = field(default_factory=list)
    answered: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def spec(self) -> str:
        return f"{self.url}#{self.models[0]}"

    def reply(self, request: dict[str, Any], authorization: str | None) -> Reply:
        """What a request gets; called from many threads."""
        with self._lock:
            self.requests.append(request)
            self.times.append(time.monotonic())
            self.authorizations.append(authorization)
            if self.faults:
                return self.faults.pop(0)
            if self.always:
                return self.always
            refusal = self._refusal(request, authorization)
            self.answered += refusal is None
        return refusal or self._completion(request)

    def _refusal(self, request: dict[str, Any], authorization: str | None) -> Reply | None:
        if self.key is not None and authorization != f"Bearer {self.key}":
            return fault(401, f"Incorrect API key provided: {authorization}", "invalid_api_key")
        if request["model"] not in self.models:
            return fault(404, f"no model {request['model']}", "model_not_found")
        if self.context is not None and _words(request["messages"]) > self.context:
            return fault(400, f"at most {self.context} tokens", "context_length_exceeded")
        if self.quota is not None and self.answered >= self.quota:
            return fault(429, "You exceeded your current quota", "insufficient_quota")
        return None

    def _completion(self, request: dict[str, Any]) -> Reply:
        words = self.answer(request["messages"]).split()
        kept = words[: request["max_tokens"]]
        usage = {
            "prompt_tokens": _words(request["messages"]),
            "completion_tokens": len(kept),
        }
        reply = said(" ".join(kept), "length" if len(words) > len(kept) else "stop", usage)
        return Reply(reply.status, reply.body, reply.headers, self.delay)

    def entered(self, change: int) -> None:
        with self._lock:
            self._at_once += change
            self.most_at_once = max(self.most_at_once, self._at_once)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeEndpoint
    protocol_version = "HTTP/1.1"  # keeps connections open, as real endpoints do
    disable_nagle_algorithm = True  # else every second reply waits 40 ms for an acknowledgement

    def do_GET(self) -> None:
        listing = {"data": [{"id": name} for name in self.fake.models]}
        self._send(self.fake.always or Reply(body=json.dumps(listing)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.fake.entered(+1)
        try:
            reply = self.fake.reply(json.loads(body), self.headers["Authorization"])
            time.sleep(reply.delay)
        finally:
            self.fake.entered(-1)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        content = reply.body.encode()
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client did not wait

    def log_message(self, format: str, *args: object) -> None:
        pass


def refusing_url() -> str:
    """The address of a port that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"


def _words(messages: Messages) -> int:
    return sum(len(m["content"].split()) for m in messages)
