"""Preference objectives against their published equations in plain Python, and that they learn."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tailorbird.errors import TaskError, TrainingError
from tailorbird.models.chat import Chat, Row
from tailorbird.models.local import load_parts
from tailorbird.registry import module
from tailorbird.store import read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison, Example, Message
from tailorbird.train.engine import train
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import END_TO_END, Layout, row_logprobs
from tailorbird.train.objectives.kto import KTO
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.recipe import Recipe
from tailorbird.train.reference import with_reference
from tailorbird.train.reward_head import add_head
from tailorbird.train.rows import Answers

PAIRED = ("dpo", "ipo", "orpo", "simpo")
ALL = (*PAIRED, "kto", "ranking", "reward")


def objective(name: str, **settings: Any) -> Any:
    return module("train.objectives", name).OBJECTIVE(**settings)


# ---- the equations -----------------------------------------------------------------------------


def model(seed: int) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=97, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def rows() -> list[Answers]:
    """Three prompts, each with three answers of different lengths."""
    draw = torch.Generator().manual_seed(3)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(1, 97, (count,), generator=draw).tolist())

    made = []
    for prompt, *answers in ((4, 3, 6, 2), (7, 1, 5, 9), (2, 8, 2, 4)):
        given = tokens(prompt)
        made.append(
            Answers(tuple(Row((*given, *tokens(n)), (0,) * prompt + (1,) * n) for n in answers))
        )
    return made


def said(model: Any, row: Row) -> list[float]:
    """Log-probability of every learned token of one row alone."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row.tokens])).logits[0]
    logprobs = logits.log_softmax(-1).tolist()
    places = [i for i, learned in enumerate(row.learned) if learned]
    return [logprobs[i - 1][row.tokens[i]] for i in places]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def dpo(policy: Any, reference: Any, answers: Sequence[Row]) -> float:
    """Eq. 7, with the labels flipped in one of five."""
    better, worse = (sum(said(policy, r)) - sum(said(reference, r)) for r in answers)
    lead = 0.3 * (better - worse)
    return -0.8 * math.log(sigmoid(lead)) - 0.2 * math.log(sigmoid(-lead))


def ipo(policy: Any, reference: Any, answers: Sequence[Row]) -> float:
    """Eq. 17, per token."""
    better, worse = (mean(said(policy, r)) - mean(said(reference, r)) for r in answers)
    return (better - worse - 1 / (2 * 0.2)) ** 2


def orpo(policy: Any, reference: Any, answers: Sequence[Row]) -> float:
    """Eq. 6 and 7: the likelihood of an answer is the geometric mean over its tokens."""
    better, worse = (math.exp(mean(said(policy, r))) for r in answers)
    ratio = (better / (1 - better)) / (worse / (1 - worse))
    return -math.log(better) - 0.4 * math.log(sigmoid(math.log(ratio)))


def simpo(policy: Any, reference: Any, answers: Sequence[Row]) -> float:
    """Eq. 6."""
    better, worse = (mean(said(policy, r)) for r in answers)
    return -math.log(sigmoid(2.5 * better - 2.5 * worse - 0.7))


BY_HAND: dict[str, tuple[Any, dict[str, float]]] = {
    "dpo": (dpo, {"beta": 0.3, "label_smoothing": 0.2}),
    "ipo": (ipo, {"tau": 0.2}),
    "orpo": (orpo, {"weight_of_odds": 0.4}),
    "simpo": (simpo, {"beta": 2.5, "gamma": 0.7}),
}


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("layout", [Layout(), END_TO_END], ids=["padded", "end to end"])
def test_pairs(name: str, layout: Layout, rows: list[Answers], tmp_path: Path) -> None:
    policy, reference = model(1), model(2)
    by_hand, settings = BY_HAND[name]
    pairs = [Answers(row.answers[:2]) for row in rows]
    expected = sum(by_hand(policy, reference, pair.answers) for pair in pairs)
    pairs = with_reference(reference, pairs, layout, tmp_path, quiet=True)
    ours = objective(name, layout=layout, **settings)
    batch = ours.collate([{"row": pair} for pair in pairs])
    loss, metrics = ours.loss(policy, batch)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    assert int(ours.weight(batch)) == 3
    assert int(metrics["margin"].count) == 3
    lead = metrics["chosen_reward"].total - metrics["rejected_reward"].total
    assert float(lead) == pytest.approx(float(metrics["margin"].total), rel=1e-3)


def plackett_luce(rewards: Sequence[float]) -> float:
    """The best is drawn from all, the next from those left, and so on."""
    worth = [math.exp(r) for r in rewards]
    stages = [worth[i] / sum(worth[i:]) for i in range(len(worth))]
    return -math.log(math.prod(stages))


def test_rankings(rows: list[Answers], tmp_path: Path) -> None:
    policy, reference = model(1), model(2)
    mixed = [rows[0], Answers(rows[1].answers[:2]), rows[2]]
    expected = sum(
        plackett_luce([0.3 * (sum(said(policy, r)) - sum(said(reference, r))) for r in row.answers])
        for row in mixed
    )
    known = with_reference(reference, mixed, Layout(), tmp_path, quiet=True)
    ours = objective("ranking", beta=0.3)
    batch = ours.collate([{"row": row} for row in known])
    loss, metrics = ours.loss(policy, batch)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    assert int(ours.weight(batch)) == 3
    assert int(metrics["margin"].count) == 7  # three pairs, one, and three


def test_a_ranking_of_two_is_dpo(rows: list[Answers], tmp_path: Path) -> None:
    pairs = [Answers(row.answers[:2]) for row in rows]
    pairs = with_reference(model(2), pairs, Layout(), tmp_path, quiet=True)
    policy = model(1)
    losses = []
    for name in ("dpo", "ranking"):
        ours = objective(name, beta=0.3)
        losses.append(
            float(ours.loss(policy, ours.collate([{"row": p} for p in pairs]))[0].detach())
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_rewards_of_rankings_with_margin_and_centre(rows: list[Answers]) -> None:
    policy = add_head(model(1))
    torch.nn.init.normal_(policy.reward_head.weight, std=0.3)
    expected = 0.0
    for row in rows:
        hidden = [
            policy.model(input_ids=torch.tensor([r.tokens])).last_hidden_state[0, -1]
            for r in row.answers
        ]
        rewards = [float(policy.reward_head(h).detach()) for h in hidden]
        ahead = [r + 0.5 * place for place, r in enumerate(rewards)]
        expected += plackett_luce(ahead) + 0.1 * sum(rewards) ** 2
    for layout in (Layout(), END_TO_END):
        ours = objective("reward", margin=0.5, center=0.1, layout=layout)
        loss, _ = ours.loss(policy, ours.collate([{"row": row} for row in rows]))
        assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


def test_an_answer_that_is_certain_has_finite_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    logprobs = torch.tensor([0.0, 0.0, -30.0, -30.0], requires_grad=True)
    monkeypatch.setattr(
        "tailorbird.train.objectives._comparisons.token_logprobs",
        lambda *_: (logprobs, torch.tensor([0, 0, 1, 1])),
    )
    ours = objective("orpo")
    certain = Answers((Row((1, 1, 1), (0, 1, 1)), Row((1, 2, 2), (0, 1, 1))))
    loss, _ = ours.loss(torch.nn.Identity(), ours.collate([{"row": certain}]))
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert bool(logprobs.grad.isfinite().all())


# ---- rows of a task ----------------------------------------------------------------------------


def material(task: Task, checkpoint: Path, found: Sequence[Comparison], **more: Any) -> Material:
    chat = Chat(load_parts(str(checkpoint))[1])
    settings: dict[str, Any] = {"context": 512, "model": str(checkpoint), "quiet": True}
    task = replace(task, comparisons=tuple(found))
    return Material(task, chat, (), lambda example, _: example.turns, **(settings | more))


def asked(n: int, *answers: str, good: bool | None = None) -> Comparison:
    return Comparison(f"c{n}", f"question {n}", answers, good)


def test_a_ranking_is_all_its_pairs(answer_task: Task, checkpoint: Path) -> None:
    stuff = material(answer_task, checkpoint, [asked(1, "a", "b", "c"), asked(2, "d", "e")])
    found = objective("dpo").rows(stuff)
    text = [[stuff.chat.text(self_learned(r)) for r in row.answers] for row in found]
    assert sorted(text) == [["a", "b"], ["a", "c"], ["b", "c"], ["d", "e"]]
    assert [len(row.answers) for row in objective("ranking").rows(stuff)] in ([3, 2], [2, 3])


def self_learned(row: Row) -> list[int]:
    return [t for t, learned in zip(row.tokens, row.learned) if learned]


@pytest.mark.parametrize("name", ALL)
def test_what_is_too_long_is_left_out_and_counted(
    name: str, answer_task: Task, checkpoint: Path
) -> None:
    found = [asked(1, "a", "b"), asked(2, "c", "word " * 60), asked(3, "d", "e")]
    stuff = material(answer_task, checkpoint, found, context=40)
    rows = objective(name).rows(stuff)
    assert stuff.dropped == {"longer than the context": 1}
    assert max(len(a.tokens) for row in rows for a in row.answers) <= 40
    with pytest.raises(TrainingError, match="3 longer than the context"):
        objective(name).rows(material(answer_task, checkpoint, found, context=2))
    with pytest.raises(TaskError, match="names none") as caught:
        objective(name).rows(material(answer_task, checkpoint, []))
    assert "data.preferences" in str(caught.value.hint)


@pytest.mark.parametrize("name", [n for n in ALL if n != "kto"])
def test_one_judged_answer_is_no_comparison(name: str, answer_task: Task, checkpoint: Path) -> None:
    judged = [asked(1, "a", good=True), asked(2, "b", good=False)]
    stuff = material(answer_task, checkpoint, [*judged, asked(3, "c", "d")])
    assert len(objective(name).rows(stuff)) == 1
    assert stuff.dropped == {"one judged answer, nothing to compare it with": 2}
    with pytest.raises(TrainingError, match="2 one judged answer") as caught:
        objective(name).rows(material(answer_task, checkpoint, judged))
    assert "kto" in str(caught.value.hint)


def test_rows_without_a_reference_are_refused(answer_task: Task, checkpoint: Path) -> None:
    stuff = material(answer_task, checkpoint, [asked(1, "a", "b"), asked(2, "c", "d")])
    for name in ("dpo", "ipo", "kto", "ranking"):
        ours = objective(name)
        with pytest.raises(TrainingError, match="do not know what the reference says"):
            ours.collate([{"row": row} for row in ours.rows(stuff)])


def test_groups_of_kto(answer_task: Task, checkpoint: Path) -> None:
    """Every answer stands behind its own prompt and, once, behind another one of its group."""
    found = [asked(n, f"yes {n}", f"no {n}") for n in range(4)]
    found += [asked(n, f"so {n}", good=bool(n % 2)) for n in range(4, 10)]
    found.append(asked(10, "best", "middle", "worst"))
    stuff = material(answer_task, checkpoint, found, epochs=2)
    rows = KTO(group=3).rows(stuff)
    assert len(rows) == 22 // 3
    text = stuff.chat.tokenizer.decode
    judged = []
    for row in rows:
        half = len(row.good)
        assert len(row.answers) == 2 * half
        own, other = row.answers[:half], row.answers[half:]
        assert sorted(map(self_learned, own)) == sorted(map(self_learned, other))
        pairs = {(text(prompt(r)), text(self_learned(r))) for r in own}
        assert all((text(prompt(r)), text(self_learned(r))) not in pairs for r in other)
        judged += [(stuff.chat.text(self_learned(r)), g) for r, g in zip(own, row.good)]
    expected = {(f"yes {n}", True) for n in range(4)} | {(f"no {n}", False) for n in range(4)}
    expected |= {(f"so {n}", bool(n % 2)) for n in range(4, 10)}
    expected |= {("best", True), ("worst", False)}
    assert set(judged) == expected
    assert len(judged) == 2 * len(expected)


def prompt(row: Row) -> list[int]:
    return [t for t, learned in zip(row.tokens, row.learned) if not learned]


def test_kto_needs_two_prompts(answer_task: Task, checkpoint: Path) -> None:
    with pytest.raises(TrainingError, match="too few comparisons"):
        KTO().rows(material(answer_task, checkpoint, [asked(1, "a", "b")]))


# ---- learning ----------------------------------------------------------------------------------

THINGS = ("kettle", "desk lamp", "rucksack", "toaster", "armchair", "radio", "teapot", "bookcase")


def shown(thing: str) -> Comparison:
    return Comparison(thing, f"Where is the {thing}?", ("It costs £12.", "It costs £4.50."))


@pytest.mark.parametrize("name", ALL)
def test_learns_what_is_preferred(
    name: str, answer_task: Task, checkpoint: Path, tmp_path: Path
) -> None:
    """The better answer gains on the worse, behind prompts that were not trained on as well."""
    stuff = material(answer_task, checkpoint, [shown(t) for t in THINGS[:6]], epochs=6)
    policy = attach(load_parts(str(checkpoint))[0], LoRA(rank=4), seed=0)
    if name == "reward":
        policy = add_head(policy)
    ours = objective(name, layout=Layout(stuff.chat.pad, end_to_end=True))
    held_out = ours.layout([r for t in THINGS[6:] for r in stuff.compared(shown(t))])
    before = row_logprobs(policy, held_out).detach()
    rows = ours.rows(stuff)
    if ours.uses_reference:
        rows = with_reference(policy, rows, ours.layout, tmp_path, quiet=True)
    recipe = Recipe(
        learning_rate=1e-2, batch_size=6, epochs=1 if name != "kto" else 4, warmup_steps=0,
        group_by_length=False,
    )  # fmt: skip
    train(policy, ours, rows, recipe, tmp_path, quiet=True)
    log = read_jsonl(tmp_path / "log.jsonl")
    assert log[-1]["accuracy"] > 0.9
    assert log[-1]["loss"] < log[0]["loss"]
    if name == "reward":
        from tailorbird.train.reward_head import rewards_of

        better, worse = rewards_of(policy, held_out).view(-1, 2).unbind(1)
        assert bool((better > worse).all())
    else:
        gains = (row_logprobs(policy, held_out).detach() - before).view(-1, 2)
        assert bool((gains[:, 0] - gains[:, 1] > 0.1).all())


def test_what_a_conversation_opens_with_reaches_the_rows(
    answer_task: Task, checkpoint: Path
) -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Open?"))
    stuff = material(answer_task, checkpoint, [Comparison("a", turns, ("yes", "no"))])
    [row] = objective("dpo").rows(stuff)
    assert prompt(row.answers[0]) == stuff.chat.prompt(Example("a", turns).turns)
