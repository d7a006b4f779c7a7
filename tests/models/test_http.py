import copy
import dataclasses
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fake_endpoint import (
    NO_CHOICES,
    NULL_CONTENT,
    RUBBISH,
    FakeEndpoint,
    Reply,
    echo,
    fault,
    refusing_url,
    said,
)

from tailorbird.errors import EndpointError, ModelError, QuotaExceeded
from tailorbird.models.base import Sampling
from tailorbird.models.http import Endpoint
from tailorbird.models.load import load_model
from tailorbird.task.types import Message, Prompt

KEY = "sk-very-secret-0123456789"
GREEDY = Sampling(max_tokens=8)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("TAILORBIRD_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def prompts(n: int) -> list[Prompt]:
    return [(Message("system", "Echo."), Message("user", f"number {i}")) for i in range(n)]


def endpoint(server: FakeEndpoint | str, **settings) -> Endpoint:
    spec = server if isinstance(server, str) else server.spec
    return Endpoint.from_spec(spec, **{"backoff_s": 0.01, "timeout_s": 5} | settings)


def test_answers_come_in_order_with_usage():
    with FakeEndpoint() as server:
        steps: list[int] = []
        done = endpoint(server).complete(prompts(20), GREEDY, steps.append)
    assert [c.text for c in done] == [f"number {i}" for i in range(20)]
    assert all((c.usage.prompt_tokens, c.usage.completion_tokens) == (3, 2) for c in done)
    assert all(c.finish == "stop" and c.error is None for c in done)
    assert sum(steps) == 20


def test_the_request_is_what_was_asked():
    sampling = Sampling(max_tokens=7, temperature=0.5, top_p=0.9, seed=3)
    with FakeEndpoint() as server:
        endpoint(server).complete(prompts(1), sampling)
    assert server.requests == [
        {
            "model": "fake",
            "messages": [
                {"role": "system", "content": "Echo."},
                {"role": "user", "content": "number 0"},
            ],
            "max_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 3,
        }
    ]


def test_no_prompts_no_requests():
    assert endpoint(f"{refusing_url()}#m").complete([], GREEDY) == []


def test_requests_run_at_once_and_no_more_than_allowed():
    with FakeEndpoint(delay=0.1) as server:
        started = time.monotonic()
        endpoint(server, concurrency=6).complete(prompts(24), GREEDY)
        seconds = time.monotonic() - started
    assert 2 <= server.most_at_once <= 6
    assert seconds < 24 * 0.1 / 2


def test_order_holds_when_answers_overtake():
    def slow_evens(messages):
        number = int(messages[-1]["content"].split()[-1])
        time.sleep(0.05 if number % 2 == 0 else 0)
        return f"answer {number}"

    with FakeEndpoint(answer=slow_evens) as server:
        done = endpoint(server).complete(prompts(12), GREEDY)
    assert [c.text for c in done] == [f"answer {i}" for i in range(12)]


def test_seconds_are_the_latency_of_the_request_not_the_wait_in_our_queue():
    with FakeEndpoint(delay=0.1, faults=[fault(500)]) as server:
        done = endpoint(server, concurrency=1, backoff_s=0.8).complete(prompts(4), GREEDY)
    assert all(0.1 <= c.usage.seconds < 0.3 for c in done)  # the waits: 0.4 s and more


def test_costs():
    with FakeEndpoint() as server:
        priced = endpoint(server, prompt_price=2.0, completion_price=10.0)
        assert priced.complete(prompts(1), GREEDY)[0].usage.cost == pytest.approx(26e-6)
        half_priced = endpoint(server, prompt_price=2.0)
        assert half_priced.complete(prompts(1), GREEDY)[0].usage.cost is None
        free = endpoint(server, prompt_price=0.0, completion_price=0.0)
        assert free.complete(prompts(1), GREEDY)[0].usage.cost == 0.0


def test_cost_is_unknown_when_the_endpoint_does_not_count():
    with FakeEndpoint(always=said("hello")) as server:
        done = endpoint(server, prompt_price=2.0, completion_price=10.0)
        usage = done.complete(prompts(1), GREEDY)[0].usage
    assert usage.cost is None
    assert usage.seconds is not None


def test_a_cut_answer_is_length():
    with FakeEndpoint() as server:
        [done] = endpoint(server).complete(prompts(1), Sampling(max_tokens=1))
    assert (done.text, done.finish, done.error) == ("number", "length", None)


@pytest.mark.parametrize(
    "reply",
    [fault(s) for s in (408, 409, 425, 429, 500, 502, 503)]
    + [RUBBISH, NO_CHOICES, NULL_CONTENT, said(["parts"]), Reply(body='"text"')]
    + [Reply(body='{"choices": [{"message": {"content": "\\ud800"}}]}')],
)
def test_tries_again(reply):
    with FakeEndpoint(faults=[reply, reply]) as server:
        [done] = endpoint(server).complete(prompts(1), GREEDY)
    assert done.text == "number 0"
    assert len(server.requests) == 3


def test_a_timeout_is_tried_again():
    with FakeEndpoint(faults=[Reply(delay=0.4)]) as server:
        [done] = endpoint(server, timeout_s=0.1).complete(prompts(1), GREEDY)
    assert done.text == "number 0"


def test_retry_after_in_seconds_holds_everybody_back():
    with FakeEndpoint(faults=[fault(429, Retry_After="0.5")], delay=0.1) as server:
        done = endpoint(server, concurrency=2).complete(prompts(6), GREEDY)
    assert all(c.error is None for c in done)
    # The other thread may already be in flight; from then on both wait.
    late = [t - server.times[0] for t in server.times]
    assert sum(t < 0.45 for t in late) <= 3
    assert max(late) >= 0.5


def test_retry_after_as_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    with FakeEndpoint(faults=[fault(503, Retry_After=soon)]) as server:
        endpoint(server).complete(prompts(1), GREEDY)
    assert server.times[1] - server.times[0] > 0.5


def test_a_retry_after_beyond_patience_stops_the_call():
    server = FakeEndpoint(faults=[fault(429, Retry_After="3600")])
    with server, pytest.raises(EndpointError, match="3600 s"):
        endpoint(server).complete(prompts(1), GREEDY)


@pytest.mark.parametrize("header", ["soon", "nan", "inf", "-5", ""])
def test_a_nonsensical_retry_after_is_not_obeyed(header):
    with FakeEndpoint(faults=[fault(429, Retry_After=header)]) as server:
        assert endpoint(server).complete(prompts(1), GREEDY)[0].text == "number 0"


def test_a_prompt_that_is_too_long_is_a_row_with_an_error():
    many = prompts(3)
    many[1] = (Message("user", "word " * 50),)
    with FakeEndpoint(context=10) as server:
        done = endpoint(server).complete(many, GREEDY)
    assert [c.error is None for c in done] == [True, False, True]
    assert done[1].finish == "error"
    assert "400" in done[1].error
    assert "at most 10 tokens" in done[1].error
    assert len(server.requests) == 3


def test_withheld_and_starved_answers_are_errors_not_retried():
    for finish, told in (("content_filter", "filter"), ("length", "max_tokens")):
        usage = {"prompt_tokens": 3, "completion_tokens": 8}
        with FakeEndpoint(always=said(None, finish, usage)) as server:
            [done] = endpoint(server).complete(prompts(1), GREEDY)
        assert told in done.error
        assert done.usage.completion_tokens == 8  # it was paid for
        assert len(server.requests) == 1


def test_one_prompt_that_uses_up_its_retries_does_not_stop_the_others():
    with FakeEndpoint(faults=[fault(500, "boom")] * 3) as server:
        done = endpoint(server, concurrency=1, retries=2).complete(prompts(3), GREEDY)
    assert [c.error is None for c in done] == [False, True, True]
    assert "after 3 attempts" in done[0].error
    assert "boom" in done[0].error


def test_three_prompts_in_a_row_are_enough_to_give_up():
    with FakeEndpoint(always=fault(500)) as server:
        with pytest.raises(EndpointError, match="seems dead"):
            endpoint(server, concurrency=1, retries=1).complete(prompts(50), GREEDY)
        assert 6 <= len(server.requests) < 50  # of 100


@pytest.mark.parametrize("n", [1, 2, 10])
def test_connection_refused_stops_the_call(n):
    with pytest.raises(EndpointError, match="seems dead") as raised:
        endpoint(f"{refusing_url()}#m", retries=1).complete(prompts(n), GREEDY)
    assert "server runs" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "key"), (403, "key"), (404, "/v1"), (307, "redirection")]
)
def test_what_concerns_every_prompt_stops_the_call_at_once(status, hint):
    with FakeEndpoint(always=fault(status, "sorry")) as server:
        with pytest.raises(EndpointError, match=f"{status}.*sorry") as raised:
            endpoint(server, concurrency=1).complete(prompts(20), GREEDY)
        assert len(server.requests) == 1
    assert hint in raised.value.hint
    assert "no key was sent" in raised.value.hint


@pytest.mark.parametrize(
    "reply",
    [
        fault(402, "Insufficient credits"),
        fault(403, code="billing_not_active"),
        fault(429, code="insufficient_quota", Retry_After="60"),
    ],
)
def test_no_money_stops_the_call_at_once(reply):
    with FakeEndpoint(always=reply) as server:
        with pytest.raises(QuotaExceeded):
            endpoint(server, concurrency=1).complete(prompts(20), GREEDY)
        assert len(server.requests) == 1


def test_quota_in_a_message_alone_is_only_a_rate_limit():
    reply = fault(429, "You exceeded your current quota, check your billing details", "429")
    with FakeEndpoint(faults=[reply]) as server:
        assert endpoint(server).complete(prompts(1), GREEDY)[0].error is None


def test_what_was_finished_is_handed_over():
    with FakeEndpoint(quota=11, delay=0.02) as server, pytest.raises(QuotaExceeded) as raised:
        endpoint(server, concurrency=4).complete(prompts(40), GREEDY)
    finished = raised.value.finished
    assert len(finished) == 11 == server.answered
    assert all(c.text == f"number {i}" for i, c in finished.items())


def test_what_is_in_flight_when_the_call_stops_is_waited_for():
    def slow_first(messages):
        time.sleep(0.3 if messages[-1]["content"] == "number 0" else 0.1)
        return echo(messages)

    with FakeEndpoint(answer=slow_first, quota=2) as server, pytest.raises(QuotaExceeded) as raised:
        endpoint(server, concurrency=2).complete(prompts(10), GREEDY)
    assert sorted(raised.value.finished) == [0, 1]


def test_requests_per_minute():
    with FakeEndpoint() as server:
        started = time.monotonic()
        limited = endpoint(server, requests_per_minute=1200)  # one in 50 ms
        limited.complete(prompts(4), GREEDY)
        copy.deepcopy(limited).complete(prompts(4), GREEDY)  # another call, the same account
    assert server.times[-1] - started >= 7 * 0.05 - 0.001


def test_retries_count_towards_the_limit():
    with FakeEndpoint(faults=[fault(500)] * 4) as server:
        started = time.monotonic()
        endpoint(server, requests_per_minute=600).complete(prompts(1), GREEDY)
    assert server.times[-1] - started >= 4 * 0.1 - 0.001


def test_tokens_per_minute():
    with FakeEndpoint() as server:
        started = time.monotonic()
        # A request uses 5 tokens, 50 ms; booked as 104, more than a second, until it is answered.
        limited = endpoint(server, tokens_per_minute=6000, concurrency=1)
        limited.complete(prompts(8), Sampling(max_tokens=100))
    assert 7 * 0.05 - 0.001 <= server.times[-1] - started < 3


@pytest.mark.parametrize("variable", ["TAILORBIRD_API_KEY", "OPENAI_API_KEY"])
def test_the_key_is_sent_as_bearer(monkeypatch, variable):
    monkeypatch.setenv(variable, f"{KEY}\n")
    with FakeEndpoint(key=KEY) as server:
        assert endpoint(server).complete(prompts(1), GREEDY)[0].error is None
    assert server.authorizations == [f"Bearer {KEY}"]


def test_our_own_variable_wins(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("TAILORBIRD_API_KEY", KEY)
    with FakeEndpoint(key=KEY) as server:
        assert endpoint(server).complete(prompts(1), GREEDY)[0].error is None


def test_without_a_key_none_is_sent():
    with FakeEndpoint() as server:
        endpoint(server).complete(prompts(1), GREEDY)
    assert server.authorizations == [None]


def test_the_key_is_in_no_error_repr_or_setting(monkeypatch):
    monkeypatch.setenv("TAILORBIRD_API_KEY", KEY)
    with FakeEndpoint(key="another") as server:  # its 401 repeats the key it was given
        lm = endpoint(server)
        with pytest.raises(EndpointError) as raised:
            lm.complete(prompts(1), GREEDY)
    shown = f"{raised.value!s} {raised.value!r} {raised.value.hint}"
    assert "[key]" in shown
    assert KEY not in shown
    assert KEY not in repr(lm) + lm.identity + str(dataclasses.asdict(lm)) + str(vars(lm))
    padded = fault(400, "x" * 275 + KEY)  # cutting the message must not leave half the key
    with FakeEndpoint(always=padded) as server:
        [done] = endpoint(server).complete(prompts(1), GREEDY)
    assert KEY[:6] not in done.error


def test_a_key_that_cannot_be_a_key_is_refused_without_printing_it(monkeypatch):
    monkeypatch.setenv("TAILORBIRD_API_KEY", "se\ncret")
    with pytest.raises(ModelError, match="TAILORBIRD_API_KEY") as raised:
        endpoint(f"{refusing_url()}#m").complete(prompts(1), GREEDY)
    assert "cret" not in str(raised.value)


def test_spec_with_a_name():
    lm = endpoint("http://localhost:1/v1/#org/model")
    assert (lm.base_url, lm.model, lm.name) == ("http://localhost:1/v1", "org/model", "org/model")
    assert lm.identity == "http://localhost:1/v1#org/model"
    assert lm.room(prompts(1)[0], 8) is None


def test_spec_without_a_name_takes_the_only_model():
    with FakeEndpoint(models=("solo",)) as server:
        assert load_model(server.url).name == "solo"


def test_spec_without_a_name_lists_several():
    server = FakeEndpoint(models=("a", "b"))
    with server, pytest.raises(ModelError, match="2 models: a, b") as raised:
        endpoint(server.url)
    assert raised.value.hint.endswith("/v1#a")


@pytest.mark.parametrize("reply", [RUBBISH, fault(404), fault(401), fault(500)])
def test_an_endpoint_that_cannot_list_its_models(reply):
    with FakeEndpoint(always=reply) as server, pytest.raises(EndpointError):
        endpoint(server.url, retries=1)


@pytest.mark.parametrize("url", ["ftp://host/v1#m", "http:///v1#m", "host/v1#m"])
def test_an_address_that_is_none(url):
    with pytest.raises(ModelError, match="not an address"):
        Endpoint.from_spec(url)


@pytest.mark.parametrize("url", [f"https://me:{KEY}@host/v1#m", f"https://host/v1?key={KEY}#m"])
def test_secrets_in_the_address_are_refused_and_not_repeated(url):
    with pytest.raises(ModelError, match="host") as raised:
        Endpoint.from_spec(url)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"retries": -1}, {"timeout_s": 0}, {"tokens_per_minute": 0}]
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(ModelError):
        endpoint("http://host/v1#m", **wrong)


def test_score_says_that_it_cannot():
    lm = endpoint("http://host/v1#m")
    assert not lm.can_score
    with pytest.raises(ModelError) as raised:
        lm.score(prompts(1), ["a"])
    assert "local model" in raised.value.hint


def test_is_a_value():
    lm = endpoint("http://host/v1#m")
    assert copy.deepcopy(lm) == lm
    assert hash(lm) == hash(endpoint("http://host/v1#m"))
