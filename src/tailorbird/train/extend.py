"""An extended model: new tokens, rows for them, continued pre-training, and what it came to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tailorbird.errors import ModelError, StoreError
from tailorbird.models.files import is_endpoint, locate
from tailorbird.models.text import stretches
from tailorbird.progress import progress
from tailorbird.store import read_json, said, write_json
from tailorbird.train.continued import bits_per_byte, pretrain_on
from tailorbird.train.engine import forget_checkpoints
from tailorbird.train.extension import Initialisation, choose, extended, grow
from tailorbird.train.recipe import Recipe
from tailorbird.train.vocabulary import Corpus, hold_out, token_count


@dataclass(frozen=True)
class Extended:
    """What an extension did to a model."""

    tokens: int
    """New tokens."""
    held_out: int
    """Texts that were neither chosen from nor trained on."""
    tokens_before: int
    """Of the texts held out."""
    tokens_after: int
    before: float | None
    """Bits per byte of the texts held out, by the model as it was; None where none are."""
    grown: float | None
    """The same right after new tokens were added."""
    trained: float | None
    """The same after continued pre-training; None without."""
    seconds: float
    """Of the training."""


@dataclass(frozen=True)
class Plan:
    """How to extend a model."""

    model: str
    add: int = 500
    """New tokens; 0 trains the model as it is, for comparison."""
    initialisation: Initialisation = "pieces"
    at_least: int = 5
    """Occurrences that a new token must have."""
    epochs: float = 1.0
    """Passes of continued pre-training over the corpus; 0: none."""
    learning_rate: float = 5e-4
    seed: int = 0


def extend(plan: Plan, corpus: Corpus, out: Path, quiet: bool = False) -> Extended:
    """Write the model with new tokens, trained on `corpus`, to the folder `out`.

    A tenth of the texts is held out to measure on. Resumes when killed. Raises `ModelError` for an
    endpoint or a tokenizer that cannot be extended, `StoreError` where `out` holds something else.
    """
    from tailorbird.models.local import load_parts

    if is_endpoint(plan.model):
        raise ModelError(f"an endpoint cannot be extended, and {plan.model} is one")
    _claim(out, asdict(plan))
    seen, held = hold_out([t for part in corpus.values() for t in part], plan.seed)
    model, old = load_parts(plan.model)
    stored = _stored_dtype(plan.model) or model.dtype
    tokens = choose(old, seen, plan.add, plan.at_least) if plan.add else ()
    work = out / "work"
    new = extended(old, tokens, work / "tokenizer") if tokens else old
    before = _bits("before", model, old, held, quiet)
    grow(model, new, tokens, plan.initialisation, plan.seed)
    grown = _bits("extended", model, new, held, quiet) if tokens else before
    trained, seconds = None, 0.0
    if plan.epochs:
        seconds = pretrain_on(model.float(), new, seen, _recipe(plan), work, quiet).seconds
        trained = _bits("trained", model, new, held, quiet)
    result = Extended(
        tokens=len(tokens), held_out=len(held),
        tokens_before=token_count(old, held), tokens_after=token_count(new, held),
        before=before, grown=grown, trained=trained, seconds=seconds,
    )  # fmt: skip
    with said("write", out):
        model.to(stored).save_pretrained(out)
        _ = extended(old, tokens, out) if tokens else old.save_pretrained(out)
    record = {"plan": asdict(plan), "result": asdict(result), "tokens": [asdict(t) for t in tokens]}
    write_json(out / "extension.json", record)
    forget_checkpoints(work)
    return result


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Refuse a folder that holds anything but the beginnings of this very extension."""
    file = out / "work" / "settings.json"
    if file.is_file() and read_json(file) == settings:
        return
    if out.is_dir() and any(out.iterdir()):
        raise StoreError(f"{out} holds something else", hint="name a folder that is not there yet")
    write_json(file, settings)


def _stored_dtype(model: str) -> Any:
    from transformers import AutoConfig

    return getattr(AutoConfig.from_pretrained(locate(model)), "dtype", None)


def _bits(when: str, model: Any, tokenizer: Any, held: Sequence[str], quiet: bool) -> float | None:
    if not held:
        return None
    total = sum(1 for _ in stretches(held))
    with progress(f"bits per byte, {when}", total, quiet) as tick:
        return bits_per_byte(model, tokenizer, held, tick)


def _recipe(plan: Plan) -> Recipe:
    import torch

    return Recipe(
        learning_rate=plan.learning_rate, epochs=plan.epochs, batch_size=4, group_by_length=False,
        seed=plan.seed, bf16=torch.cuda.is_available(),
    )  # fmt: skip
