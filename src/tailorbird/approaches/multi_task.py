"""One adapter for several tasks: what they have in common is learned once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from tailorbird.approaches._prompted import Prompted, build_prompt, instructions, prompted
from tailorbird.approaches.base import Run
from tailorbird.errors import ModelError, TaskError
from tailorbird.models.files import is_endpoint
from tailorbird.store import write_json
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec

OWN = "."
"""What the task of the ladder is called among `tasks`."""


@dataclass(frozen=True)
class MultiTask:
    """Supervised fine-tuning on this task and others at once; answers as this task's solver."""

    tasks: tuple[str, ...] | Mapping[str, float]
    """Folders of the other tasks, relative to this one's; or task -> weight, where this task is
    `.` and weighs 1 unless it is given."""
    temperature: Annotated[float, Field(ge=1)] = 1.0
    """Without weights: 1 draws tasks in proportion to their sizes, more makes them more equal."""
    adapter: str = "lora"
    """Which weights may change: a file of `train/adapters`."""
    rank: Annotated[int, Field(ge=1)] | None = None
    """Of an adapter of low rank."""
    list_labels: bool = False
    """Whether prompts list the labels."""
    epochs: Annotated[int, Field(ge=1)] = 3
    """An epoch has as many examples as all tasks together."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """By default the adapter's usual one."""
    batch_size: Annotated[int, Field(ge=1)] = 16

    def __hash__(self) -> int:
        return hash(repr(self))

    def reads(self, task: Task) -> list[str]:
        """Digests of the other tasks: when one changes, answers may."""
        return [_other(name, task).digest for name in self.tasks if name != OWN]

    def fit(self, task: Task, run: Run) -> Prompted:
        """Train the adapter on the mixture, and say how it does on the dev split of each task."""
        if is_endpoint(run.model):
            raise ModelError(
                f"tuning needs a model on this machine, and {run.model} is an endpoint"
            )
        tasks = {OWN: task} | {name: _other(name, task) for name in self.tasks if name != OWN}
        solvers = {
            name: prompted(each, run, instructions(each, self.list_labels))
            for name, each in tasks.items()
        }
        folder = run.folder / "adapter"
        if not (folder / "tailorbird.json").is_file():
            self._train(tasks, solvers, run)
        tuned = {name: replace(solver, adapter=folder) for name, solver in solvers.items()}
        write_json(run.folder / "tasks.json", {n: _on_dev(tasks[n], s) for n, s in tuned.items()})
        return tuned[OWN]

    def _train(self, tasks: Mapping[str, Task], solvers: Mapping[str, Prompted], run: Run) -> None:
        from tailorbird.models.chat import Chat
        from tailorbird.models.local import load_parts
        from tailorbird.train.attention import attends_by_row
        from tailorbird.train.engine import forget_checkpoints, train
        from tailorbird.train.mixture import Mixture, mixed, shares
        from tailorbird.train.objectives.base import Layout
        from tailorbird.train.policy import attach, has_virtual_tokens, make_adapter, save_adapter
        from tailorbird.train.recipe import Recipe, usual_rate

        adapter = make_adapter({self.adapter: {} if self.rank is None else {"rank": self.rank}})
        model, tokenizer = load_parts(run.model, adapter)
        chat = Chat(tokenizer)
        policy = attach(model, adapter, run.seed, tokenizer, solvers[OWN].system)
        rows = {n: self._rows(t, solvers[n].system, chat, policy, run) for n, t in tasks.items()}
        share = shares({n: len(r) for n, r in rows.items()}, self._weights(), self.temperature)
        write_json(
            run.folder / "rows.json",
            {n: {"rows": len(r), "share": round(share[n], 4)} for n, r in rows.items()},
        )
        order = mixed(list(rows.values()), list(share.values()), self.epochs, run.seed)
        end_to_end = not has_virtual_tokens(policy) and attends_by_row(policy)
        layout = Layout(chat.pad, end_to_end)
        rate = adapter.rate * usual_rate(model.config.get_text_config().hidden_size)
        recipe = Recipe(
            learning_rate=self.learning_rate or rate, epochs=1, batch_size=self.batch_size,
            group_by_length=False, seed=run.seed,
            trainer={"train_sampling_strategy": "sequential"},  # the order is what mixes batches
        )  # fmt: skip
        objective = Mixture(tuple(tasks), layout)
        train(policy, objective, order, recipe, run.folder / "training", run.quiet, run.watch)
        save_adapter(policy, run.folder / "adapter", run.model, chat.template_digest)
        forget_checkpoints(run.folder / "training")

    def _weights(self) -> dict[str, float] | None:
        if not isinstance(self.tasks, Mapping):
            return None
        weights = {OWN: 1.0} | dict(self.tasks)
        if min(weights.values()) <= 0:
            raise TaskError("weights of tasks are above 0", hint="leave out tasks without a weight")
        return weights

    def _rows(self, task: Task, system: str, chat: Any, policy: Any, run: Run) -> Sequence[Any]:
        from tailorbird.train.material import Material

        material = Material(
            task, chat, task.examples("train"),
            lambda example, shown: build_prompt(system, example),
            context=int(getattr(policy.config, "max_position_embeddings", 1 << 20)),
            seed=run.seed, model=run.model, folder=run.folder, quiet=run.quiet,
        )  # fmt: skip
        rows = material.answered()
        if not rows:
            raise TaskError(f"no training example of {task.spec.name} fits in the context")
        return rows


def _other(name: str, task: Task) -> Task:
    """Another task, its test split closed. Raises `TaskError` for a leak into this one's test."""
    folder = task.folder / name
    other = load_task(load_spec(folder), folder, task.data_folder).without_test()
    leaks = [e.id for e in other.examples("train") if task.in_test(e)]
    if leaks:
        raise TaskError(
            f"{len(leaks)} training inputs of {name} also stand in the test split of "
            f"{task.spec.name}, first {leaks[0]!r}",
            hint="take them out of the training data of the other task",
        )
    return other


def _on_dev(task: Task, solver: Prompted) -> dict[str, Any]:
    """The primary metric on the dev split: its mean and the number of examples."""
    dev, metric = task.splits.get("dev", ()), task.spec.bar.primary.metric
    marks = [task.score(metric, e, p).value for e, p in zip(dev, solver.predict(dev))]
    known = [m for m in marks if m is not None]
    mean = round(sum(known) / len(known), 4) if known else None
    return {"task": task.spec.name, "metric": metric, "dev": mean, "n": len(known)}


APPROACH = MultiTask
SOLVER = Prompted
