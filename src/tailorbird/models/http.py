"""Any OpenAI-compatible endpoint: the one place with concurrency, retries and rate limits.

One synchronous `complete` keeps several requests in flight. A prompt that fails becomes a
`Completion` with `error`; a failure that concerns them all (a wrong key, no money, a dead server)
stops the call with an error that carries what was finished. The key comes from the environment
each time it is needed: it is no field, so nothing can print or save it.
"""

import dataclasses
import math
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from tailorbird.errors import EndpointError, ModelError, QuotaExceeded
from tailorbird.extras import need
from tailorbird.models.base import Completion, Progress, Sampling
from tailorbird.task.types import Prompt, Usage

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx import Client, Response

T = TypeVar("T")

KEYS = ("TAILORBIRD_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key; the first that is set wins."""

_DEAD_AFTER = 3
"""Prompts in a row that use up their retries before the endpoint counts as dead."""

_LONGEST_BACKOFF = 60.0
_AGAIN = {408, 409, 425, 429}
_BROKE = ("insufficient_quota", "exceeded_current_quota", "billing")
"""Parts of error codes. Never of messages: "quota" there often means requests per minute."""

_WRONG_KEY = f"check the key in {KEYS[0]} (or {KEYS[1]})"
_HINTS = {
    401: _WRONG_KEY,
    403: f"{_WRONG_KEY} and whether it may use this model",
    404: "check the address (it often ends in /v1) and the model's name after the #",
}

_JITTER = random.Random()  # our own: waiting must not advance anybody's seeded generator


class _Again(Exception):
    """This attempt failed, another may not. `after` is what Retry-After asked for, in seconds."""

    def __init__(self, reason: str, after: float | None = None, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.unreachable = unreachable


class _Rejected(Exception):
    """The endpoint will never answer this one prompt."""


class _Cancelled(Exception):
    """The call was stopped before this prompt was answered."""


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None


class _Served(BaseModel):
    id: str


class _Listing(BaseModel):
    data: list[_Served]


@dataclass(frozen=True)
class Endpoint:
    """A model behind an OpenAI-compatible endpoint. `score` does not work: chat has no scores."""

    base_url: str
    """Up to and with the version: `http://127.0.0.1:8000/v1`."""
    model: str
    concurrency: int = 8
    """Requests in flight at once."""
    timeout_s: float = 60.0
    """Seconds to wait for a connection, and for the next byte of an answer."""
    retries: int = 5
    """Further attempts per prompt after the first."""
    backoff_s: float = 0.5
    """The first wait before a retry; doubles each time, with jitter."""
    patience_s: float = 300.0
    """The longest Retry-After obeyed; an endpoint that asks for more stops the call."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    prompt_price: float | None = None
    """Per million prompt tokens; None is unknown, which is not free."""
    completion_price: float | None = None
    """Per million completion tokens; None is unknown, which is not free."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ModelError(f'"{self.base_url}" is not an address like http://host/v1')
        if parts.username or parts.password or parts.query:
            raise ModelError(  # the address is saved and printed, so it must not be repeated here
                f"the address of {parts.hostname} holds a user name, password or query",
                hint=f"put the key in {KEYS[0]}; addresses are written to reports",
            )
        if self.concurrency < 1 or self.retries < 0 or self.timeout_s <= 0:
            raise ModelError("concurrency must be 1 or more, retries 0 or more, timeout_s above 0")
        for limit in (self.requests_per_minute, self.tokens_per_minute):
            if limit is not None and limit <= 0:
                raise ModelError(f"a limit per minute must be above 0, not {limit}")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    @classmethod
    def from_spec(cls, spec: str, **settings: Any) -> Self:
        """The endpoint that `http://host/v1#model-name` names.

        Without a name, the endpoint is asked what it serves. Raises `ModelError` unless that is
        exactly one model, `EndpointError` when it cannot be asked.
        """
        base_url, _, model = spec.partition("#")
        endpoint = cls(base_url, model, **settings)
        if model:
            return endpoint
        names = endpoint.models()
        if len(names) != 1:
            served = ", ".join(names) or "none"
            raise ModelError(
                f"{endpoint.base_url} serves {len(names)} models: {served}",
                hint=f"name one: {endpoint.base_url}#{names[0] if names else 'model-name'}",
            )
        return dataclasses.replace(endpoint, model=names[0])

    @property
    def name(self) -> str:
        """The model's name, as the endpoint knows it."""
        return self.model

    @property
    def identity(self) -> str:
        """Address and model: `http://host/v1#model-name`."""
        return f"{self.base_url}#{self.model}"

    @property
    def can_score(self) -> bool:
        """False: chat completions do not score given texts."""
        return False

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """One completion per prompt, in order; one that fails has `error` set.

        Raises `EndpointError` when the endpoint refuses the key or the model or seems dead, and
        `QuotaExceeded` when the account is out of money. Nothing new is
        sent, what is in flight is waited for, and `finished` holds every completion so far.
        """
        if not prompts:
            return []
        workers = min(self.concurrency, len(prompts))
        with self._session() as session, ThreadPoolExecutor(workers) as pool:
            jobs = {pool.submit(session.answer, p, sampling): i for i, p in enumerate(prompts)}
            try:
                finished, fault = _collect(session, jobs, progress)
            finally:
                session.stop.set()  # an interrupt must not wait for the whole queue
        if fault:
            fault.finished.update(finished)
            raise fault
        return [finished[i] for i in range(len(prompts))]

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> NoReturn:
        """Raises `ModelError`: chat completions do not score given texts."""
        raise ModelError(
            f"{self.identity} cannot score continuations: chat completions only write",
            hint="use an approach that generates, or a local model, which can score",
        )

    def room(self, prompt: Prompt, max_tokens: int) -> None:
        """None: only the endpoint knows its context and its tokenizer."""
        return None

    def models(self) -> list[str]:
        """Names of the models that the endpoint serves. Raises `EndpointError`."""
        with self._session() as session:
            try:
                listing = session.persist(lambda: session.read(_Listing, session.send("/models")))
            except (_Again, _Rejected) as error:
                raise EndpointError(
                    f"{self.base_url} does not list its models: {error}",
                    hint="check the address, or name the model: http://host/v1#model-name",
                ) from error
        return sorted(served.id for served in listing.data)

    @contextmanager
    def _session(self) -> Iterator["_Session"]:
        """An open connection pool, with the key read from the environment."""
        httpx = need("httpx")
        key = _key()
        with httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=self.timeout_s,
            verify=_certificates(),
            limits=httpx.Limits(
                max_connections=self.concurrency, max_keepalive_connections=self.concurrency
            ),
        ) as client:
            pace = _pace(self.base_url, self.requests_per_minute, self.tokens_per_minute)
            yield _Session(self, client, key, pace, threading.Event())

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None when a price is unknown."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        spent = prompt_tokens * self.prompt_price + completion_tokens * self.completion_price
        return spent / 1e6


class _Pace:
    """Spaces requests evenly, so that no minute exceeds a limit and no burst meets a 429."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._per_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._per_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._lock = threading.Lock()
        self._next_request = 0.0
        self._next_token = 0.0
        self.held_until = 0.0

    def book(self, tokens: int) -> float:
        """The moment (`time.monotonic`) from which a request of so many tokens may go out."""
        with self._lock:
            at = max(time.monotonic(), self._next_request, self._next_token, self.held_until)
            self._next_request = at + self._per_request
            self._next_token = at + self._per_token * tokens
            return at

    def correct(self, tokens: int) -> None:
        """Book so many tokens more (fewer, if negative) than was estimated."""
        with self._lock:
            self._next_token += self._per_token * tokens

    def hold(self, seconds: float) -> None:
        """Let nobody go for so long: the endpoint asked for it."""
        with self._lock:
            self.held_until = max(self.held_until, time.monotonic() + seconds)


@lru_cache(maxsize=1)
def _certificates() -> "SSLContext":
    """Read once: it takes longer than a short request, and servers ask one prompt at a time."""
    context: SSLContext = need("httpx").create_ssl_context()
    return context


@lru_cache(maxsize=32)
def _pace(base_url: str, requests: float | None, tokens: float | None) -> _Pace:
    """One pace per account and limit: calls and copies of an endpoint share what they may send."""
    return _Pace(requests, tokens)


@dataclass(frozen=True)
class _Session:
    """One call's connections; its methods run in many threads."""

    endpoint: Endpoint
    client: "Client"
    key: str = dataclasses.field(repr=False)
    pace: _Pace
    stop: threading.Event

    def answer(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """The completion of one prompt, after as many attempts as it takes.

        Raises `_Again` when attempts are used up, `EndpointError` when all would fail alike.
        """
        request = {
            "model": self.endpoint.model,
            "messages": [{"role": m.role, "content": m.content} for m in prompt],
            **sampling.for_endpoint(),
        }
        # Four characters a token is the endpoints' own rule of thumb; corrected by what was used.
        tokens = sum(len(m.content) for m in prompt) // 4 + sampling.max_tokens
        try:
            return self.persist(lambda: self._ask(request, tokens), tokens)
        except _Rejected as error:
            return _failed(str(error))
        except EndpointError:
            self.stop.set()  # here, not where it is collected: this thread's next prompt is due
            raise

    def persist(self, ask: Callable[[], T], tokens: int = 0) -> T:
        """`ask` until it succeeds, at the pace allowed; raises the last `_Again`."""
        attempts = self.endpoint.retries + 1
        for attempt in range(attempts):
            self._await_turn(tokens)
            try:
                return ask()
            except _Again as error:
                last = error
            if attempt + 1 < attempts:
                self._rest(last, attempt)
        reason = f"no answer after {attempts} attempts; the last: {last}"
        raise _Again(reason, last.after, last.unreachable) from last

    def send(self, path: str, request: dict[str, Any] | None = None) -> "Response":
        """One request (GET without a body, else POST) that the endpoint accepted."""
        httpx = need("httpx")
        method = "GET" if request is None else "POST"
        try:
            response: Response = self.client.request(
                method, self.endpoint.base_url + path, json=request
            )
        except httpx.TimeoutException as error:
            reason = f"no answer within {self.endpoint.timeout_s:g} s ({type(error).__name__})"
            raise _Again(reason, unreachable=isinstance(error, httpx.ConnectTimeout)) from error
        except httpx.RequestError as error:
            reason = self._safe(f"{type(error).__name__}: {error}")
            raise _Again(reason, unreachable=isinstance(error, httpx.ConnectError)) from error
        if not response.is_success:
            self._refuse(response)
        return response

    def read(self, shape: type["M"], response: "Response") -> "M":
        """The body as `shape`; rubbish is worth another attempt."""
        try:
            return shape.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise _Again(f"the answer is rubbish: {where}: {first['msg']}") from error

    def dead(self, count: int, last: _Again) -> EndpointError:
        """The error that gives the endpoint up."""
        return EndpointError(
            f"{self.endpoint.identity} seems dead: {count} prompts in a row failed; {last}",
            hint="check that the server runs and is reachable, then run again",
        )

    def _ask(self, request: dict[str, Any], booked: int) -> Completion:
        started = time.monotonic()
        response = self.send("/chat/completions", request)
        seconds = time.monotonic() - started
        answer = self.read(_Answer, response)
        usage = Usage(seconds=seconds)
        if answer.usage:
            used = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
            usage = Usage(*used, seconds, self.endpoint.cost(*used))
            self.pace.correct(sum(used) - booked)
        return _completion(answer.choices[0], usage)

    def _await_turn(self, tokens: int) -> None:
        while True:
            at = self.pace.book(tokens)
            if self.stop.wait(max(0.0, at - time.monotonic())):
                raise _Cancelled
            if self.pace.held_until <= at:  # else the endpoint asked for a pause meanwhile
                return

    def _rest(self, error: _Again, attempt: int) -> None:
        """Wait before the next attempt; what Retry-After asks for, everybody waits."""
        if error.after is not None:
            if error.after > self.endpoint.patience_s:
                raise EndpointError(
                    f"{self.endpoint.identity} asks to wait {error.after:.0f} s: {error}",
                    hint="run again after that, or raise patience_s",
                ) from error
            self.pace.hold(error.after)
        backoff = min(self.endpoint.backoff_s * 2**attempt, _LONGEST_BACKOFF)
        self.stop.wait(backoff * _JITTER.uniform(0.5, 1))

    def _refuse(self, response: "Response") -> NoReturn:
        """Raise what a status other than success means."""
        status = response.status_code
        codes, said = _said(response)
        reason = self._safe(f"{status} {response.reason_phrase}: {said}")
        where = f"{self.endpoint.identity}: {reason}"
        broke = any(part in codes for part in _BROKE)
        if status == 402 or (status in (403, 429) and broke):
            raise QuotaExceeded(where, hint="add credit or use another key, then run again")
        if status in _AGAIN or status >= 500:
            raise _Again(reason, after=_retry_after(response))
        if status in _HINTS or status < 400:
            hint = _HINTS.get(status, "the address answers with a redirection; use its target")
            raise EndpointError(where, hint if self.key else f"{hint}; no key was sent")
        raise _Rejected(reason)

    def _safe(self, text: str) -> str:
        """Without the key, then short: cutting first could leave half a key to be printed."""
        text = text.replace(self.key, "[key]") if self.key else text
        return text if len(text) <= 300 else f"{text[:300]}…"


M = TypeVar("M", bound=BaseModel)


def _collect(
    session: _Session, jobs: Mapping[Future[Completion], int], progress: Progress | None
) -> tuple[dict[int, Completion], EndpointError | None]:
    """What the jobs give, by index, and the error that stopped them, if one did."""
    finished: dict[int, Completion] = {}
    fault: EndpointError | None = None
    unanswered = 0  # in a row
    for job in as_completed(jobs):
        try:
            completion, unanswered = job.result(), 0
        except _Cancelled:
            continue
        except EndpointError as error:
            fault = fault or error
            continue
        except _Again as error:
            completion, unanswered = _failed(str(error)), unanswered + 1
            enough = min(_DEAD_AFTER, len(jobs)) if error.unreachable else _DEAD_AFTER
            if unanswered >= enough and fault is None:
                fault = session.dead(unanswered, error)
                session.stop.set()
        finished[jobs[job]] = completion
        if progress:
            progress(1)
    return finished, fault


def _failed(error: str, usage: Usage = Usage()) -> Completion:  # noqa: B008 (frozen)
    return Completion("", usage, "error", error)


def _completion(choice: _Choice, usage: Usage) -> Completion:
    """What one choice says. Raises `_Again` when there is no text and no reason for it."""
    text, finish = choice.message.content, choice.finish_reason
    if finish == "content_filter":
        return _failed("withheld by the endpoint's content filter", usage)
    if text is None and finish == "length":
        # Asking again would be paid again, for the same nothing.
        return _failed("no text within max_tokens (spent on reasoning?); raise max_tokens", usage)
    if text is None:
        raise _Again("the answer is rubbish: its content is null")
    return Completion(text, usage, "length" if finish == "length" else "stop")


def _said(response: "Response") -> tuple[str, str]:
    """The error's codes and its message, from the shapes that endpoints use."""
    try:
        body = response.json()
    except ValueError:
        return "", response.text.strip()
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return "", str(error)
    message = error.get("message") or error.get("detail") or error
    return f"{error.get('code')} {error.get('type')}", str(message)


def _retry_after(response: "Response") -> float | None:
    """Seconds that Retry-After asks for, given as seconds or as a date; None when it does not."""
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _key() -> str:
    """The key, or an empty string: local servers often need none."""
    for variable in KEYS:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable()):
            raise ModelError(f"{variable} holds characters that no key has")
        if key:
            return key
    return ""
