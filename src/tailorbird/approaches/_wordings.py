"""Instructions to try: written by rule from the task and its training data, or by a model."""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from tailorbird.approaches._prompted import instructions
from tailorbird.models.base import LM, Sampling
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message, Prompt

PLAIN = "plain"
"""The name of the task's own instruction."""


def wordings(task: Task, passages: bool, train: Sequence[Example]) -> dict[str, str]:
    """Name -> system message; the plain one comes first, equal ones are left out."""
    plain = instructions(task, with_passages=passages)
    found = {PLAIN: plain}
    found |= _of_labels(task, passages, train) if task.labels else _of_answers(task, plain, train)
    first = {text: name for name, text in reversed(found.items())}
    return {name: text for name, text in found.items() if first[text] == name}


def _of_labels(task: Task, passages: bool, train: Sequence[Example]) -> dict[str, str]:
    goal, plain = task.spec.goal.strip(), instructions(task, with_passages=passages)
    bare = instructions(task, with_labels=False, with_passages=passages)
    listed = instructions(task).removeprefix(goal).strip().split("\n")[0]
    signs = typical_words(train)
    told = [f"- {la}: {', '.join(signs[la])}" if signs.get(la) else f"- {la}" for la in task.labels]
    on_lines = "\n".join(["Answer with one of these labels:", *(f"- {la}" for la in task.labels)])
    described = "\n".join(["Answer with a label. After each stand words typical of it:", *told])
    return {
        "no label list": bare,
        "labels first": plain.replace(f"{goal}\n{listed}", f"{listed}\n{goal}", 1),
        "labels on lines": plain.replace(listed, on_lines, 1),
        "labels described": plain.replace(listed, described, 1),
        "label only": f"{plain}\nAnswer with the label alone.",
        "careful": f"{plain}\nRead all of it before you decide. Where two labels fit, choose the "
        "more specific one.",
        "terse": plain.replace(f"{goal}\n", "", 1),
    }


def _of_answers(task: Task, plain: str, train: Sequence[Example]) -> dict[str, str]:
    words = round(median(len(str(e.target).split()) for e in train)) if train else 0
    sentence = "Answer in one short sentence."
    found = {
        "one sentence": f"{plain}\n{sentence}",
        "sentence first": f"{sentence}\n{plain}",
        "as long as usual": f"{plain}\nAnswer in about {words} words.",
        "complete": f"{plain}\nAnswer completely: give every amount, date, name and condition that "
        "was asked for.",
        "terse": f"{plain}\nBe brief. No greeting, no explanation.",
        "careful": f"{plain}\nRead the question carefully. Say nothing that you are not sure of.",
    }
    if task.spec.outputs.abstain and task.spec.outputs.abstain not in plain:
        found["may abstain"] = f"{plain}\nIf you do not know, say: {task.spec.outputs.abstain}"
    return found


def typical_words(train: Sequence[Example], each: int = 3) -> dict[str, list[str]]:
    """Label -> the words that its inputs have most often and others seldom."""
    counts: dict[str, Counter[str]] = {}
    for example in train:
        words = set(re.findall(r"[^\W\d_]{3,}", example.text.casefold()))
        counts.setdefault(str(example.target), Counter()).update(words)
    everywhere = sum(counts.values(), Counter())

    def typical(label: str) -> list[str]:
        said = counts[label]
        ranked = sorted(said, key=lambda w: (-(said[w] ** 2) / everywhere[w], w))
        return [w for w in ranked if 2 * said[w] > everywhere[w]][:each]

    return {label: typical(label) for label in counts}


# ---- by a model ------------------------------------------------------------------------------

Failure = tuple[str, str, str]
"""Input, what was answered, what would have been right."""


def proposals(
    lm: LM, task: Task, plain: str, failures: Sequence[Failure], count: int, seed: int
) -> list[str]:
    """System messages that `lm` writes on seeing the goal and some failures (Zhou et al. 2022).

    The goal is what it words anew; labels, and what is said of passages, stay. Empty and equal
    proposals are left out.
    """
    asked = (_request(task, plain, failures),)
    goal, found = task.spec.goal.strip(), []
    for i in range(count):
        sampling = Sampling(max_tokens=200, temperature=0.8, top_p=0.95, seed=seed + i)
        (answer,) = lm.complete(asked, sampling)
        text = "" if answer.error else answer.text.strip().strip('"').strip()
        if text:
            found.append(plain.replace(goal, text, 1))
    return list(dict.fromkeys(found))


def _request(task: Task, plain: str, failures: Sequence[Failure]) -> Prompt:
    told = [f"A language model is told:\n{plain}"]
    if failures:
        told.append("It then went wrong here:")
        told += [
            f"Input: {asked}\nIt answered: {said}\nRight is: {right}"
            for asked, said, right in failures
        ]
    told.append(
        f"Write a better instruction in place of this sentence: {task.spec.goal.strip()}\n"
        "Say what to look at and what form the answer has. Give the instruction alone."
    )
    return (
        Message("system", "You write instructions for language models."),
        Message("user", "\n\n".join(told)),
    )
