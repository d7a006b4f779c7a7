"""Climbs whose model sits behind an endpoint: what they cost, and what its moods do to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from climbs import finished, loaded, work
from fake_endpoint import RUBBISH, FakeEndpoint, Reply, fault, refusing_url

from tailorbird.climbing import Listener, climb
from tailorbird.task.task import Rung
from tailorbird.testing import small_task

PRICES = {"prompt_million": 2.0, "completion_million": 10.0}
HASTY = {"timeout_s": 0.5, "retries": 1}


@pytest.fixture
def task_of(tmp_path: Path) -> Callable[..., Any]:
    def task_of(server: FakeEndpoint | str, kind: Any = "answer", **overrides: Any) -> Any:
        folder = tmp_path / kind
        small_task(kind, folder)
        model = server if isinstance(server, str) else server.spec
        standard = {"model": model, "rungs": ["majority", "zero_shot"], "budget__prices": PRICES}
        standard |= {"endpoint": HASTY}
        return loaded(folder, **standard | overrides)

    return task_of


def words(server: FakeEndpoint) -> int:
    return sum(len(m["content"].split()) for r in server.requests for m in r["messages"])


ANSWERS = ["zero_shot", {"few_shot": {"shots": 2}}, {"rag": {"by": "sparse"}}]
LABELS = ["zero_shot", {"few_shot": {"shots": 4}}]


@pytest.mark.parametrize(
    ("kind", "rungs", "items"), [("answer", ANSWERS, 45), ("label", LABELS, 36)]
)
def test_tokens_money_and_seconds_are_the_endpoints(
    kind: str, rungs: list[Any], items: int, task_of: Callable[..., Any], tmp_path: Path
):
    with FakeEndpoint(answer=lambda messages: "I would say: billing") as server:
        found = climb(task_of(server, kind, rungs=rungs), tmp_path / "out", quiet=True)
    assert not found.failures
    assert len(server.requests) == items * len(rungs)
    assert sum(r.usage.prompt_tokens for r in found.results.rungs) == words(server)
    for rung in found.results.rungs:
        assert rung.usage.completion_tokens == 4 * items
        money = (2 * rung.usage.prompt_tokens + 10 * 4 * items) / 1e6
        assert rung.usage.cost == pytest.approx(money)
        cost, latency = rung.timings["cost_per_1000"], rung.timings["latency_p50"]
        assert cost is not None
        assert cost.value == pytest.approx(1000 * money / items)
        assert latency is not None
        assert 0 < latency.value < 1
        assert latency.n == items
    if kind == "label":
        assert {p.text for p in found.predictions["zero_shot"]} == {"billing"}
        assert found.results.rungs[0].estimates["label"].value == 0.25  # type: ignore[union-attr]


def test_an_unknown_price_is_not_zero(task_of: Callable[..., Any], tmp_path: Path):
    with FakeEndpoint() as server:
        found = climb(task_of(server, budget__prices={}), tmp_path / "out", quiet=True)
    zero_shot = found.results.rungs[1]
    assert zero_shot.usage.cost is None
    assert zero_shot.timings["cost_per_1000"] is None


def test_money_stops_further_rungs(task_of: Callable[..., Any], tmp_path: Path):
    with FakeEndpoint() as server:
        task = task_of(server, rungs=[*ANSWERS, "majority"], budget__cost=0.001)
        found = climb(task, tmp_path / "out", quiet=True)
    assert [r.name for r in found.results.rungs] == ["zero_shot"]
    assert found.failures["rag"] == "the budget of 0.001 EUR was used up"
    assert len(server.requests) == 45


def test_after_the_money_ran_out_only_the_rest_is_paid(task_of: Callable[..., Any], tmp_path: Path):
    with FakeEndpoint(quota=20) as server:
        task = task_of(server)
        found = climb(task, tmp_path, quiet=True)
        assert [r.name for r in found.results.rungs] == ["majority"]
        assert "exceeded your current quota" in found.failures["zero_shot"]
        assert "add credit" in found.failures["zero_shot"]
        assert server.answered == 20

        server.quota = None
        again = climb(task, tmp_path, quiet=True)
        assert not again.failures
        assert server.answered == 45
        assert again.results.test_openings == 1

        asked = len(server.requests)
        climb(task, tmp_path, quiet=True)
        assert len(server.requests) == asked


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(delay=1.0), "no answer within 0.5 s"),
        (RUBBISH, "the answer is rubbish"),
        (fault(500), "500"),
        (fault(401, "Incorrect API key"), "check the key"),
        (fault(404, "no such model"), "the model's name after the #"),
    ],
    ids=["timeout", "rubbish", "broken", "wrong key", "wrong model"],
)
def test_an_endpoint_that_never_answers_is_a_reason(
    reply: Reply, said: str, task_of: Callable[..., Any], tmp_path: Path
):
    with FakeEndpoint(always=reply) as server:
        found = climb(task_of(server), tmp_path, quiet=True)
    assert [r.name for r in found.results.rungs] == ["majority"]
    assert said in found.failures["zero_shot"]
    assert finished(tmp_path) == ["majority"]


def test_an_endpoint_that_refuses_connections_is_a_reason(
    task_of: Callable[..., Any], tmp_path: Path
):
    found = climb(task_of(f"{refusing_url()}#gone"), tmp_path, quiet=True)
    assert "seems dead" in found.failures["zero_shot"]


def test_more_patience_helps_without_fitting_again(task_of: Callable[..., Any], tmp_path: Path):
    with FakeEndpoint(delay=0.7) as server:
        found = climb(task_of(server), tmp_path, quiet=True)
        assert "no answer within 0.5 s" in found.failures["zero_shot"]
        patient = {"timeout_s": 5, "concurrency": 45}
        again = climb(task_of(server, endpoint=patient), tmp_path, quiet=True)
    assert not again.failures
    assert again.results.test_openings == 1


def test_hiccups_are_asked_again(task_of: Callable[..., Any], tmp_path: Path):
    faults = [RUBBISH, fault(503), fault(429, Retry_After="0"), Reply(delay=0.8)]
    with FakeEndpoint(faults=faults) as server:
        found = climb(task_of(server), tmp_path, quiet=True)
    assert not found.failures
    assert found.results.rungs[1].errors == 0


def test_a_prompt_that_the_endpoint_rejects_is_a_wrong_answer(
    task_of: Callable[..., Any], tmp_path: Path
):
    with FakeEndpoint(answer=lambda messages: "14 days", context=19) as server:
        found = climb(task_of(server), tmp_path, quiet=True)
    zero_shot, said = found.results.rungs[1], found.predictions["zero_shot"]
    assert 0 < zero_shot.errors < 45
    assert zero_shot.errors == sum(p.error is not None for p in said)
    assert "at most 19 tokens" in {p.error[:400] for p in said if p.error}.pop()
    marks = zero_shot.scores["facts"]
    assert all(m == 0 for m, p in zip(marks, said) if p.error)


class Breaking(Listener):
    """The endpoint breaks once a rung is done."""

    def __init__(self, server: FakeEndpoint) -> None:
        self.server = server

    def finished(self, rung: Rung, *_: Any) -> None:
        if rung.name == "zero_shot":
            self.server.always = fault(401, "revoked")


def test_what_was_finished_before_the_endpoint_broke_is_kept(
    task_of: Callable[..., Any], tmp_path: Path
):
    with FakeEndpoint() as server:
        task = task_of(server, rungs=ANSWERS)
        found = climb(task, tmp_path, Breaking(server), quiet=True)
        assert list(found.failures) == ["few_shot", "rag"]
        kept = work(tmp_path, ["zero_shot"])
        server.always = None
        again = climb(task, tmp_path, quiet=True)
    assert not again.failures
    assert work(tmp_path, ["zero_shot"]) == kept


def test_a_hostile_endpoint_steers_no_terminal(task_of: Callable[..., Any], tmp_path: Path):
    rude = fault(401, "\x1b[2J\x1b]0;owned\x07 [red]no[/]\r\nerror: \u202eeverything is fine")
    with FakeEndpoint(always=rude) as server:
        reason = climb(task_of(server), tmp_path, quiet=True).failures["zero_shot"]
    assert "[red]no[/]" in reason
    assert reason.isprintable()
