"""Tailorbird, through its public `train`."""

from pathlib import Path

from measured import ALPHA, BATCH, RANK, RATE, Clock, Job

from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.store import read_jsonl
from tailorbird.task.types import Message
from tailorbird.train.adapters.lora import LoRA
from tailorbird.train.attention import attends_by_row
from tailorbird.train.engine import train
from tailorbird.train.objectives.base import Layout, make_objective
from tailorbird.train.policy import attach
from tailorbird.train.recipe import Recipe
from tailorbird.train.reference import with_reference
from tailorbird.train.rows import Answers
from tailorbird.train.throughput import Meter


def main() -> None:
    job = Job.given()
    model, tokenizer = load_parts(job.model)
    chat = Chat(tokenizer)
    policy = attach(model, LoRA(RANK, ALPHA), seed=0)
    layout = Layout(tokenizer.pad_token_id, attends_by_row(policy))

    def row(prompt: list[dict[str, str]], answer: dict[str, str]) -> object:
        return chat.row(tuple(Message(**m) for m in prompt), answer["content"])

    if job.method == "sft":
        rows = [row(r["messages"][:-1], r["messages"][-1]) for r in job.read()]
        objective = make_objective({"sft": {"layout": layout}})
    else:
        rows = [
            Answers((row(r["prompt"], r["chosen"][0]), row(r["prompt"], r["rejected"][0])))
            for r in job.read()
        ]
        objective = make_objective({"dpo": {"layout": layout}})
    recipe = Recipe(RATE, epochs=1, batch_size=BATCH, warmup_steps=0, group_by_length=False)
    folder = Path(job.scratch)
    clock = Clock()
    if objective.uses_reference:
        rows = with_reference(policy, rows, layout, folder, quiet=True)
    train(
        policy, objective, rows, recipe, folder, quiet=True, watch=lambda step, loss: clock.step()
    )
    losses = [entry["loss"] for entry in read_jsonl(folder / "log.jsonl")]
    meter = Meter(policy)  # what a reference costs is not counted
    flops = sum(meter.count(objective.collate([{"row": r}]))[1] for r in rows)
    clock.report(job, losses, useful_flops=flops)


if __name__ == "__main__":
    main()
