import copy
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint

from tailorbird.errors import ModelError, QuotaExceeded, StoreError
from tailorbird.models.base import LM, Sampling
from tailorbird.models.cached import Cached
from tailorbird.models.http import Endpoint
from tailorbird.models.scripted import Scripted
from tailorbird.store import read_jsonl
from tailorbird.task.types import Message, Prompt

GREEDY = Sampling(max_tokens=8)


def prompts(n: int) -> list[Prompt]:
    return [(Message("user", f"number {i}"),) for i in range(n)]


def echo(prompt: Prompt) -> str:
    return prompt[-1].content


def test_asks_once_and_answers_alike(tmp_path):
    inner = Scripted(echo)
    lm: LM = Cached(inner, tmp_path)
    first = lm.complete(prompts(5), GREEDY)
    again = lm.complete(prompts(7), GREEDY)
    later = Cached(inner, tmp_path).complete(prompts(7), GREEDY)
    assert again[:5] == first
    assert later == again == Scripted(echo).complete(prompts(7), GREEDY)
    assert inner.calls == prompts(7)


def test_the_same_prompt_twice_in_a_call_is_asked_once(tmp_path):
    inner, steps = Scripted(echo), []
    done = Cached(inner, tmp_path).complete(prompts(2) * 3, GREEDY, steps.append)
    assert [c.text for c in done] == ["number 0", "number 1"] * 3
    assert inner.calls == prompts(2)
    assert sum(steps) == 6


def test_another_request_is_another_answer(tmp_path):
    inner = Scripted(echo)
    lm = Cached(inner, tmp_path)
    lm.complete(prompts(1), GREEDY)
    lm.complete(prompts(1), Sampling(max_tokens=1))
    Cached(Scripted(echo, name="another"), tmp_path).complete(prompts(1), GREEDY)
    as_system = [(Message("system", "number 0"),)]
    lm.complete(as_system, GREEDY)
    assert len(inner.calls) == 3
    assert len(Cached(inner, tmp_path)._saved) == 4


def test_sampled_answers_are_not_kept(tmp_path):
    inner = Scripted(echo)
    lm = Cached(inner, tmp_path)
    warm = Sampling(temperature=0.7)
    lm.complete(prompts(1), warm)
    lm.complete(prompts(1), warm)
    assert len(inner.calls) == 2
    assert list(tmp_path.iterdir()) == []


def test_errors_are_not_kept(tmp_path):
    def fails_first(prompt):
        if len(inner.calls) == 1:
            raise ModelError("not yet")
        return "now"

    inner = Scripted(fails_first)
    lm = Cached(inner, tmp_path)
    assert lm.complete(prompts(1), GREEDY)[0].error == "not yet"
    assert list(tmp_path.iterdir()) == []
    assert lm.complete(prompts(1), GREEDY)[0].text == "now"


def test_usage_is_what_it_cost_originally(tmp_path):
    with FakeEndpoint(delay=0.05) as server:
        inner = Endpoint.from_spec(server.spec, prompt_price=1.0, completion_price=2.0)
        first = Cached(inner, tmp_path).complete(prompts(1), GREEDY)
        again = Cached(inner, tmp_path).complete(prompts(1), GREEDY)
        assert len(server.requests) == 1
    assert again == first
    assert again[0].usage.seconds >= 0.05
    assert again[0].usage.cost == pytest.approx(6e-6)


@pytest.mark.parametrize("batch", [8, 128])
def test_after_the_quota_a_rerun_pays_only_for_the_rest(tmp_path, batch):
    with FakeEndpoint(quota=21) as server:
        inner = Endpoint.from_spec(server.spec, backoff_s=0.01)
        Cached(inner, tmp_path).complete(prompts(3), GREEDY)
        with pytest.raises(QuotaExceeded) as raised:
            Cached(inner, tmp_path, batch).complete(prompts(40), GREEDY)
        finished = raised.value.finished
        assert len(finished) == 21
        assert all(c.text == f"number {i}" for i, c in finished.items())
        server.quota = None
        done = Cached(inner, tmp_path).complete(prompts(40), GREEDY)
        assert [c.text for c in done] == [f"number {i}" for i in range(40)]
        assert server.answered == 40


VICTIM = """
import os, signal, sys
from pathlib import Path
from tailorbird.models.base import Sampling
from tailorbird.models.cached import Cached
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Message

def answer(prompt):
    if prompt[-1].content == "number 12":
        os.kill(os.getpid(), signal.SIGKILL)
    return prompt[-1].content

prompts = [(Message("user", f"number {i}"),) for i in range(20)]
lm = Cached(Scripted(answer, name="victim"), Path(sys.argv[1]), batch=5)
lm.complete(prompts, Sampling(max_tokens=8))
"""


def test_survives_a_kill(tmp_path):
    killed = subprocess.run([sys.executable, "-c", VICTIM, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    [file] = tmp_path.iterdir()
    assert len(read_jsonl(file)) == 10
    os.truncate(file, file.stat().st_size - 9)  # as if the last line had been torn too

    def answer(prompt):
        return prompt[-1].content

    answer.__qualname__ = "answer"
    inner = Scripted(answer, name="victim")
    for _ in range(2):  # writing after the torn line must not spoil the file for the next run
        done = Cached(inner, tmp_path).complete(prompts(20), GREEDY)
        assert [c.text for c in done] == [f"number {i}" for i in range(20)]
    assert len(inner.calls) == 11


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(StoreError):
        Cached(Scripted(echo), in_the_way).complete(prompts(1), GREEDY)


def test_the_rest_is_the_models(tmp_path):
    inner = Scripted({"number": "a"}, name="parrot", context=30)
    lm = Cached(inner, tmp_path)
    assert (lm.name, lm.identity, lm.can_score) == ("parrot", inner.identity, True)
    assert lm.score(prompts(1), ["a", "b"]) == inner.score(prompts(1), ["a", "b"])
    assert lm.room(prompts(1)[0], 8) == inner.room(prompts(1)[0], 8) == 20


def test_can_be_copied_after_use(tmp_path):
    lm = Cached(Scripted({"number": "a"}), Path(tmp_path))
    lm.complete(prompts(1), GREEDY)
    assert copy.deepcopy(lm).complete(prompts(1), GREEDY)[0].text == "a"
