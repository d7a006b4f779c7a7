"""Distillation: distances by hand, kept distributions, and answers that are marked and billed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_endpoint import FakeEndpoint

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import ModelError, TrainingError
from tailorbird.models.chat import Chat, Row
from tailorbird.models.local import load_parts
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import SPLITS, Example
from tailorbird.testing import check_objective, tiny_checkpoint
from tailorbird.train.objectives.base import END_TO_END, token_logits
from tailorbird.train.objectives.distill import Distill
from tailorbird.train.teacher import load_teacher, remembered

ROWS = [
    Row((1, 7, 9, 3), (0, 0, 1, 1)),
    Row((2, 8, 3), (0, 1, 1)),
    Row((5, 6, 4, 9, 3), (0, 0, 0, 0, 1)),
]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, label_task: Task, answer_task: Task) -> str:
    """A wider model with the tokenizer of `checkpoint`."""
    examples = [e for t in (label_task, answer_task) for s in SPLITS for e in t.examples(s)]
    texts = [f"{e.text} {e.target}" for e in examples] + [d.text for d in answer_task.documents]
    return str(tiny_checkpoint(tmp_path_factory.mktemp("teacher"), texts, width=64, seed=7))


@pytest.fixture(scope="module")
def student(checkpoint: Path) -> Any:
    return load_parts(str(checkpoint))[0]


def loss(objective: Distill, model: Any, rows: Any) -> tuple[float, dict[str, float]]:
    total, watched = objective.loss(model, objective.collate([{"row": r} for r in rows]))
    return float(total.detach()), {k: float(m.total) for k, m in watched.items()}


@pytest.mark.parametrize(
    "settings",
    [{}, {"layout": END_TO_END}, {"reverse": 1.0, "temperature": 2.0, "gold": 0.0},
     {"level": "sequences"}],
)  # fmt: skip
def test_distill_conforms(teacher: str, student: Any, settings: dict[str, Any]) -> None:
    check_objective(Distill(teacher=teacher, **settings), ROWS, student)


def test_it_conforms_on_kept_distributions(teacher: str, student: Any, tmp_path: Path) -> None:
    rows = remembered(load_teacher(teacher), teacher, ROWS, 8, 1.0, tmp_path)
    check_objective(Distill(teacher=teacher, top_k=8), rows, student)


@pytest.mark.parametrize("reverse", [0.0, 1.0, 0.3])
def test_the_distance_is_kullback_leibler(teacher: str, student: Any, reverse: float) -> None:
    objective = Distill(teacher=teacher, reverse=reverse, temperature=2.0, gold=0.25)
    batch = objective.collate([{"row": r} for r in ROWS])
    ours, targets, _ = token_logits(student, batch)
    theirs = token_logits(load_teacher(teacher), batch).logits
    p, q = ((x / 2).double().softmax(dim=1) for x in (theirs, ours))
    forward, backward = (p * (p / q).log()).sum(), (q * (q / p).log()).sum()
    gold = torch.nn.functional.cross_entropy(ours, targets, reduction="sum")
    wanted = 0.75 * 4 * ((1 - reverse) * forward + reverse * backward) + 0.25 * gold
    assert loss(objective, student, ROWS)[0] == pytest.approx(float(wanted.detach()), rel=1e-4)


def test_a_student_that_is_the_teacher_has_nothing_to_learn(teacher: str) -> None:
    model = load_teacher(teacher)
    for reverse in (0.0, 1.0):
        objective = Distill(teacher=teacher, reverse=reverse, gold=0.0)
        assert loss(objective, model, ROWS)[0] == pytest.approx(0, abs=1e-4)


def test_kept_distributions_come_close_to_the_whole(
    teacher: str, student: Any, tmp_path: Path
) -> None:
    whole, watched = loss(Distill(teacher=teacher), student, ROWS)
    distances = []
    for k in (1, 16, 128, 511):
        rows = remembered(load_teacher(teacher), teacher, ROWS, k, 1.0, tmp_path)
        total, seen = loss(Distill(teacher=teacher, top_k=k), student, rows)
        distances.append(seen["kl"])
    assert distances == sorted(distances)  # what is told apart can only add to the distance
    assert distances[0] < 0.5 * watched["kl"]
    assert total == pytest.approx(whole, rel=1e-3)


def test_the_teacher_is_asked_once(teacher: str, tmp_path: Path) -> None:
    first = remembered(load_teacher(teacher), teacher, ROWS, 4, 1.0, tmp_path)
    nobody: Any = None
    again = remembered(nobody, teacher, [*ROWS, ROWS[0]], 4, 1.0, tmp_path)
    assert (again[3].ids == first[0].ids).all()
    assert (again[2].logprobs == first[2].logprobs).all()


def test_another_tokenizer_is_refused_with_a_way_out(teacher: str, tmp_path: Path) -> None:
    other = tiny_checkpoint(tmp_path / "other", ["quite other words, and nothing of the shop"])
    with pytest.raises(ModelError, match="another tokenizer") as caught:
        load_teacher(teacher, Chat(load_parts(str(other))[1]))
    assert "sequences" in str(caught.value.hint)


@pytest.mark.parametrize("settings", [{}, {"top_k": 16}])
def test_fine_tuned_learns_from_a_local_teacher(
    teacher: str, label_task: Task, checkpoint: Path, run: Callable[..., Run],
    settings: dict[str, Any],
) -> None:  # fmt: skip
    objective = {"distill": {"teacher": teacher, "gold": 0.0, **settings}}
    approach = make_approach("fine_tuned", {"objective": objective, "epochs": 2, "rank": 8})
    approach.fit(label_task, run(checkpoint))
    log = read_jsonl(run().folder / "training" / "log.jsonl")
    assert log[-1]["kl"] < 0.9 * log[0]["kl"]


# ---- answers of an endpoint --------------------------------------------------------------------


def _half_right(task: Task) -> Callable[[Any], str]:
    gold = {e.text: str(e.target) for e in task.examples("train")[::2]}
    return lambda messages: gold.get(messages[-1]["content"], "opening_hours")


def test_answers_of_an_endpoint_are_marked_billed_and_kept(
    label_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    prices = {"prompt_million": 1.0, "completion_million": 2.0}
    spec = label_task.spec
    budget = spec.budget.model_copy(update={"prices": spec.budget.prices.model_copy(update=prices)})
    more = (Example("u1", "Until when may I pay the bill?", "never learned"),)
    task = replace(label_task, spec=spec.model_copy(update={"budget": budget}), unlabelled=more)
    with FakeEndpoint(answer=_half_right(task)) as server:
        objective = {"distill": {"teacher": server.spec}}
        approach = make_approach("fine_tuned", {"objective": objective, "epochs": 1, "rank": 2})
        approach.fit(task, run(checkpoint))
        asked = server.answered
        approach.fit(task, run(checkpoint, folder=run().folder))
        assert server.answered == asked == 49
    folder = run().folder
    verdicts = {r["id"]: r["verdict"] for r in read_jsonl(folder / "teacher" / "teacher.jsonl")}
    right = sum(
        e.target == "opening_hours" or i % 2 == 0 for i, e in enumerate(task.examples("train"))
    )
    assert list(verdicts.values()).count("kept") == right + 1  # the unlabelled one, too
    assert verdicts["u1"] == "kept"
    bill = read_json(folder / "teacher" / "teacher.json")
    assert bill["asked"] == 49
    assert bill["cost"] == pytest.approx(
        (bill["prompt_tokens"] + 2 * bill["completion_tokens"]) / 1e6
    )
    assert bill["cost"] > 0
    assert read_json(folder / "rows.json")["dropped"] == {"the answer was marked wrong": 48 - right}


def test_a_teacher_that_is_never_right_teaches_nothing(
    label_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    with FakeEndpoint(answer=lambda messages: "what?") as server:
        objective = {"distill": {"teacher": server.spec}}
        with pytest.raises(TrainingError, match="no answer of the teacher"):
            make_approach("fine_tuned", {"objective": objective}).fit(label_task, run(checkpoint))
