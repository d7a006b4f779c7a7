"""A reward model: a causal base with an adapter, and a head that makes one number of an answer."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tailorbird.errors import ModelError
from tailorbird.models.base import Progress
from tailorbird.models.chat import Chat, Row
from tailorbird.models.local import load_parts
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prompt
from tailorbird.train.adapters.base import Adapter, make_adapter
from tailorbird.train.adapters.lora import LoRA
from tailorbird.train.attention import attends_by_row
from tailorbird.train.engine import forget_checkpoints, load_trained, save_trained, train
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.reward import Reward
from tailorbird.train.policy import attach
from tailorbird.train.recipe import Recipe, usual_rate
from tailorbird.train.reference import by_length
from tailorbird.train.reward_head import add_head, rewards_of

WEIGHTS = "reward_model.safetensors"
RECORD = "reward_model.json"


@dataclass(frozen=True)
class RewardModel:
    """Tells how good an answer is. Differences between answers to one prompt mean something;
    the zero of the scale does not."""

    model: Any
    chat: Chat

    def score(
        self, prompts: Sequence[Prompt], answers: Sequence[str], progress: Progress | None = None
    ) -> list[float]:
        """The reward of each answer to its prompt."""
        rows = [self.chat.row(p, a) for p, a in zip(prompts, answers, strict=True)]
        return self.score_rows(rows, progress)

    @torch.no_grad()
    def score_rows(self, rows: Sequence[Row], progress: Progress | None = None) -> list[float]:
        """The same for token rows, each a prompt with an answer that has ended.

        Raises `ModelError` where one does not fit in the context.
        """
        config = self.model.config.get_text_config()
        context = int(getattr(config, "max_position_embeddings", 1 << 20))
        longest = max((len(row.tokens) for row in rows), default=0)
        if longest > context:
            raise ModelError(
                f"a prompt and its answer have {longest} tokens, and the context {context}",
                hint="shorten them, or use a model with a longer context",
            )
        values, layout = [0.0] * len(rows), layout_of(self.model, self.chat)
        for batch in by_length(rows):
            laid_out = layout([rows[i] for i in batch])
            inputs = {name: value.to(self.model.device) for name, value in laid_out.items()}
            for i, value in zip(batch, rewards_of(self.model, inputs).tolist()):
                values[i] = value
            if progress:
                progress(len(batch))
        return values

    def save(self, folder: Path, base: str) -> None:
        """Write what was trained on `base`, and what it was trained for."""
        save_trained(self.model, folder / WEIGHTS)
        adapter = self.model.tailorbird_adapter
        name = type(adapter).__module__.rpartition(".")[2]
        record = {
            "adapter": {name: asdict(adapter)},
            "base": base,
            "chat_template_sha256": self.chat.template_digest,
        }
        write_json(folder / RECORD, record)

    @classmethod
    def load(cls, folder: Path, base: str | None = None) -> "RewardModel":
        """The model that was saved; `base`: where its base is now, if it has moved.

        Raises `ModelError` where there is none, or the base has another chat template.
        """
        if not (folder / RECORD).is_file():
            raise ModelError(
                f"no reward model in {folder}",
                hint="write model: preferences to train one on data.preferences",
            )
        record = read_json(folder / RECORD)
        adapter = make_adapter(record["adapter"])
        model, tokenizer = load_parts(base or record["base"], adapter)
        chat = Chat(tokenizer)
        if chat.template_digest != record["chat_template_sha256"]:
            raise ModelError(
                f"the reward model in {folder} was trained on another chat template",
                hint="use the tokenizer that it was trained with",
            )
        policy = add_head(attach(model, adapter, seed=0))
        load_trained(policy, folder / WEIGHTS)
        return cls(policy.eval().requires_grad_(False), chat)


def layout_of(model: Any, chat: Chat) -> Layout:
    """Rows end to end, for models that can keep them apart."""
    return Layout(chat.pad, attends_by_row(model))


def learned(
    task: Task, ask: Callable[[Example], Prompt], base: str, folder: Path, epochs: int = 1,
    seed: int = 0, quiet: bool = False,
) -> RewardModel:  # fmt: skip
    """A reward model in `folder`, by the usual means, from the preferences of `task`.

    `ask` makes the prompt of an example, whose answers are to be judged behind it. Raises
    `TaskError` where the task names no preferences.
    """
    model, tokenizer = load_parts(base)
    config, adapter = model.config.get_text_config(), LoRA()
    material = Material(
        task, Chat(tokenizer), (), lambda example, _: ask(example),
        context=int(getattr(config, "max_position_embeddings", 1 << 20)), epochs=epochs, seed=seed,
        model=base, folder=folder, quiet=quiet,
    )  # fmt: skip
    rate = adapter.rate * usual_rate(config.hidden_size) * Reward.rate
    return fit(material, Reward(), adapter, Recipe(learning_rate=rate))


def fit(material: Material, objective: Reward, adapter: Adapter, recipe: Recipe) -> RewardModel:
    """Train a reward model on the comparisons of `material`, whose `model` is the base.

    It is saved in the folder of `material`. One that is there is loaded, and a training that was
    killed goes on. The epochs are those of `material`.
    """
    folder = material.folder
    if (folder / RECORD).is_file():
        return RewardModel.load(folder, material.model)
    policy = add_head(attach(load_parts(material.model, adapter)[0], adapter, material.seed))
    layout = layout_of(policy, material.chat)
    objective = replace(objective, layout=layout)
    recipe = replace(
        recipe, epochs=1, group_by_length=not layout.end_to_end, seed=material.seed,
        # The head is used outside of forward, where DistributedDataParallel takes it for unused.
        trainer={"ddp_find_unused_parameters": False, **recipe.trainer},
    )  # fmt: skip
    rows = objective.rows(material)
    train(policy, objective, rows, recipe, folder / "training", material.quiet)
    model = RewardModel(policy.eval(), material.chat)
    model.save(folder, material.model)
    forget_checkpoints(folder / "training")
    return model
