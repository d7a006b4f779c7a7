"""How fledgling was made: tokenizer, packed rows, two phases of pre-training, half precision.

    tailorbird pretrain OUT --data-folder DATA
    tailorbird pretrain OUT --data-folder DATA --start EARLIER

Every step is kept under OUT/work and resumed: a killed run goes on at its last checkpoint.
"""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tailorbird.errors import TrainingError
from tailorbird.models.fledgling.corpus import ROW_TOKENS, Corpus
from tailorbird.models.fledgling.meaning import meanings
from tailorbird.models.fledgling.mix import documents
from tailorbird.models.fledgling.shape import Shape, config, wired_init
from tailorbird.models.fledgling.tokenizer import train_tokenizer
from tailorbird.store import read_json, write_folder, write_json
from tailorbird.train.engine import TrainingReport, forget_checkpoints, train
from tailorbird.train.objectives.pretrain import Pretrain
from tailorbird.train.recipe import Recipe

TOKENIZER_DOCUMENTS = 40_000


@dataclass(frozen=True)
class Size:
    """A model and how long it is trained."""

    shape: Shape
    tokens: float
    step_tokens: int
    """Tokens of one optimiser step."""


Name = Literal["small", "large"]
SIZES: dict[Name, Size] = {
    "small": Size(Shape(192, 4, 512), 16e6, 4096),
    "large": Size(Shape(384, 8, 1024), 1e9, 16 * 4096),
}
"""`small` takes an hour on two cores; `large` is meant for one large GPU and has not been run."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training."""

    name: str
    share: float
    """Of all tokens."""
    schedule: Literal["constant", "linear"]
    seed: int


PHASES = (Phase("stable", 0.75, "constant", 1), Phase("decay", 0.25, "linear", 2))


def size_for_this_machine() -> Name:
    """`large` where there is a GPU."""
    return "large" if torch.cuda.is_available() else "small"


def pretrain(
    out: Path,
    text_folder: Path | None,
    tokens: float | None = None,
    size: Name | None = None,
    seed: int = 0,
    quiet: bool = False,
    start: Path | None = None,
) -> list[TrainingReport]:
    """Train a model; write it to `out` in half precision.

    `tokens` and `size` are by default what suits the machine. `start`: a folder of model and
    tokenizer to go on from (give another seed, or it reads the same text again); without it, a
    model of `size` begins from nothing. Raises `TrainingError` where `out`
    holds the beginnings of another run, or `tokens` are too few for a step.
    """
    size = size or size_for_this_machine()
    chosen = SIZES[size]
    tokens = tokens or chosen.tokens
    work = out / "work"
    settings = {"tokens": tokens, "size": size, "seed": seed, "text": text_folder is not None}
    _claim(work, settings | {"start": str(start) if start else None})
    tokenizer = _tokenizer(work, text_folder, seed, start)
    reports = []
    model: Any = None
    for phase in PHASES:
        folder = work / phase.name
        finished = folder / "model"
        if not finished.is_dir():
            count = int(tokens * phase.share / ROW_TOKENS)
            corpus = Corpus(
                folder / "rows", work / "tokenizer", text_folder, count, seed + phase.seed
            )
            model = model or (_load(start) if start else _start(chosen.shape, tokenizer, seed))
            rows, recipe = corpus.rows(quiet), _recipe(phase, chosen, seed)
            reports.append(train(model, Pretrain(), rows, recipe, folder, quiet))
            write_folder(finished, model.save_pretrained)
            forget_checkpoints(folder)
        model = _load(finished)
    export(model, tokenizer, out)
    return reports


def _claim(work: Path, settings: dict[str, Any]) -> None:
    """Refuse to go on with what was begun with other settings."""
    file = work / "settings.json"
    if file.is_file() and read_json(file) != settings:
        raise TrainingError(
            f"{work} holds a run with other settings: {read_json(file)}",
            hint="give those, or another folder",
        )
    if settings["tokens"] * min(phase.share for phase in PHASES) < ROW_TOKENS:
        raise TrainingError(f"{settings['tokens']:,.0f} tokens do not make a step in every phase")
    write_json(file, settings)


def export(model: Any, tokenizer: Any, out: Path) -> None:
    """Write model (float16) and tokenizer."""
    model.to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)


def _recipe(phase: Phase, size: Size, seed: int) -> Recipe:
    return Recipe(
        optimizer="muon", learning_rate=0.01, epochs=1, batch_size=size.step_tokens // ROW_TOKENS,
        warmup_steps=20 if phase is PHASES[0] else 0, schedule=phase.schedule,
        group_by_length=False, save_every=100, seed=seed,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
    )  # fmt: skip


def _load(folder: Path) -> LlamaForCausalLM:
    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model


def _start(shape: Shape, tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config(len(tokenizer), shape))
    wired_init(model, seed)
    width = shape.content.stop // 2
    texts = [str(tokenizer.decode([i])).strip() for i in range(len(tokenizer))]
    with torch.no_grad():
        table = model.get_parameter("model.embed_tokens.weight")
        table[:, :width] = meanings(texts, width, seed)
    return model


def _tokenizer(
    work: Path, text_folder: Path | None, seed: int, start: Path | None
) -> PreTrainedTokenizerFast:
    folder = work / "tokenizer"
    if start and not folder.is_dir():
        given = PreTrainedTokenizerFast.from_pretrained(start)
        write_folder(folder, given.save_pretrained)
    elif not folder.is_dir():
        sample = islice(documents(seed + 1000, text_folder), TOKENIZER_DOCUMENTS)
        write_folder(folder, train_tokenizer(sample).save_pretrained)
    loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return loaded
