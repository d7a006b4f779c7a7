"""Fixtures that many folders share: small tasks, and one tiny checkpoint for all of a session."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library of Hugging Face reads it
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Most tests climb, and few ask what a tracker makes of it.
os.environ["TAILORBIRD_TRACK"] = "none"
# The models of the tests are too small for two threads to help; on a busy machine they only wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from fake_endpoint import FakeEndpoint, Messages

from tailorbird.approaches.base import Run
from tailorbird.task.benchmark import Task
from tailorbird.task.types import SPLITS
from tailorbird.testing import small_task, tiny_checkpoint

# The suite tries the same cases each time, so that it fails for a change and not by chance;
# `make fuzz` tries new ones.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("TAILORBIRD_HYPOTHESIS", "suite"))


@pytest.fixture(scope="session")
def label_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return small_task("label", tmp_path_factory.mktemp("label"))


@pytest.fixture(scope="session")
def answer_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return small_task("answer", tmp_path_factory.mktemp("answer"))


@pytest.fixture(scope="session")
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, label_task: Task, answer_task: Task
) -> Path:
    """A random model of 40,000 parameters whose tokenizer knows the small tasks."""
    examples = [e for t in (label_task, answer_task) for s in SPLITS for e in t.examples(s)]
    texts = [f"{e.text} {e.target}" for e in examples] + [d.text for d in answer_task.documents]
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"), texts)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """A `Run` in a folder of its own."""

    def run(model: str | Path = "no-model-needed", **settings: Any) -> Run:
        standard = Run(tmp_path / "run", str(model), tmp_path / "cache", quiet=True)
        return dataclasses.replace(standard, **settings)

    return run


@pytest.fixture
def fake_endpoint() -> Iterator[FakeEndpoint]:
    """A server that answers with a word of the question: the same whenever it is asked."""
    with FakeEndpoint(answer=_a_word_of_the_question) as server:
        yield server


def _a_word_of_the_question(messages: Messages) -> str:
    return max(messages[-1]["content"].split(), key=len, default="nothing")[:40]
