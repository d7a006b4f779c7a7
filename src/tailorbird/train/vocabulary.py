"""How well a tokenizer fits a domain's text, and whether new tokens would pay."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tailorbird.data.documents import load_documents
from tailorbird.data.rows import decode
from tailorbird.data.split import place
from tailorbird.errors import DataError, ModelError, StoreError
from tailorbird.models.base import Progress
from tailorbird.models.files import is_endpoint, locate
from tailorbird.progress import progress as bar
from tailorbird.store import read_json, said, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Documents
from tailorbird.train.continued import bits_per_byte, pretrain_on, stretches
from tailorbird.train.engine import forget_checkpoints
from tailorbird.train.extension import (
    Initialisation,
    NewToken,
    choose,
    extended,
    grow,
    is_byte_level,
)
from tailorbird.train.recipe import Recipe

Corpus = Mapping[str, Sequence[str]]
"""Texts by the part that they play: inputs, answers, documents."""

WORD = re.compile(r"[^\W\d_]+")
"""A word is a run of letters: digits are cut one by one on purpose, and are not counted."""

WORTH = 0.10
"""Share of tokens from which a saving is worth the training that it takes."""
LEARNABLE = 50
"""Occurrences in the corpus from which a new token's row can be learned; a rule of thumb."""


@dataclass(frozen=True, slots=True)
class Costly:
    """A word that costs more tokens than one."""

    word: str
    count: int
    pieces: float
    """Mean over its occurrences."""

    @property
    def extra(self) -> float:
        """Tokens beyond one per occurrence, all occurrences together."""
        return self.count * (self.pieces - 1)


@dataclass(frozen=True)
class Fit:
    """How a tokenizer cuts a body of text. Shares lie in [0, 1]."""

    texts: int
    characters: int
    tokens: int
    words: int
    tokens_per_word: float
    """Over words alone: numbers and punctuation are left out."""
    characters_per_token: float
    in_three: float
    """Share of words cut into three or more pieces."""
    in_four: float
    """Share of words cut into four or more pieces."""
    unknown: float
    """Share of tokens that stand for something the tokenizer does not know."""
    bytes: float
    """Share of tokens that hold part of a character only."""
    costly: tuple[Costly, ...]
    """The words that cost most tokens beyond one, dearest first."""


@dataclass(frozen=True)
class Saving:
    """What an extension would save."""

    asked: int
    tokens: tuple[NewToken, ...]
    """Best first; fewer than asked where nothing more can be saved."""
    before: Mapping[str, int]
    """Tokens of each part of the corpus."""
    after: Mapping[str, int]

    def share(self, *parts: str) -> float:
        """Of the tokens of `parts`, or of all parts; what is sent to a model costs by the token."""
        chosen = parts or tuple(self.before)
        before = sum(self.before[p] for p in chosen)
        return 1 - sum(self.after[p] for p in chosen) / before if before else 0.0

    @property
    def occurrences(self) -> float:
        """Of the middle one of the new tokens that are not mere steps to longer ones."""
        return median([t.count for t in self.tokens if t.count] or [0])


@dataclass(frozen=True)
class Report:
    """A tokenizer on a domain's text."""

    model: str
    domain: Fit
    general: Fit | None
    """The same on a sample of general text, where one was given."""
    saving: Saving | None
    """None where the tokenizer cannot be extended."""
    extend: bool
    """The verdict."""
    reason: str


def report(
    model: str,
    tokenizer: Any,
    corpus: Corpus,
    number: int,
    general: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Measure `tokenizer` on `corpus` (parts by name), and say whether `number` tokens would pay.

    Raises `DataError` when the corpus holds no words.
    """
    texts = [t for part in corpus.values() for t in part]
    domain = measure(tokenizer, texts, progress)
    if not domain.words:
        raise DataError("there are no words in this corpus", hint="name texts, or a task with data")
    sample = measure(tokenizer, general) if general else None
    saving = save(tokenizer, corpus, number) if is_byte_level(tokenizer) else None
    extend, reason = verdict(domain, sample, saving)
    return Report(model, domain, sample, saving, extend, reason)


# ---- the corpus ------------------------------------------------------------------------------


def corpus_of(task: Task) -> Corpus:
    """What a model reads and writes in `task`: training inputs, written answers, documents."""
    train = task.examples("train")
    answers = [str(e.target) for e in train] if task.spec.kind == "answer" else []
    parts = {
        "inputs": [e.text for e in train],
        "answers": answers,
        "documents": [d.text for d in task.documents],
    }
    return {part: texts for part, texts in parts.items() if texts}


def read_texts(path: Path) -> list[str]:
    """A text file in stretches, or the .md and .txt files of a folder.

    Raises `DataError` when there is no text, and `StoreError` when it cannot be read.
    """
    if path.is_dir():
        folder = path.resolve()
        return [d.text for d in load_documents(Documents(path=str(folder)), folder, None)]
    if not path.is_file():
        raise DataError(f"no text at {path}", hint="name a text file, a folder of them or a task")
    with said("read", path):
        texts = list(stretches([decode(path.read_bytes())[0]]))
    if not texts:
        raise DataError(f"{path} holds no text")
    return texts


# ---- measuring -------------------------------------------------------------------------------


def measure(
    tokenizer: Any, texts: Sequence[str], progress: Progress | None = None, costly: int = 20
) -> Fit:
    """How `tokenizer` cuts `texts`."""
    ids: Counter[int] = Counter()
    words: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    cut: Counter[int] = Counter()
    for text in texts:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids.update(encoded["input_ids"])
        for word, count in _cut(text, encoded["offset_mapping"]):
            words[word] += 1
            pieces[word] += count
            cut[min(count, 4)] += 1
        if progress:
            progress(1)
    total, tokens, characters = words.total(), ids.total(), sum(map(len, texts))
    dear = sorted(words, key=lambda w: (words[w] - pieces[w], w))[:costly]
    return Fit(
        texts=len(texts), characters=characters, tokens=tokens, words=total,
        tokens_per_word=pieces.total() / max(1, total),
        characters_per_token=characters / max(1, tokens),
        in_three=(cut[3] + cut[4]) / max(1, total), in_four=cut[4] / max(1, total),
        unknown=ids[tokenizer.unk_token_id] / max(1, tokens),
        bytes=sum(n for i, n in ids.items() if _partial(tokenizer, i)) / max(1, tokens),
        costly=tuple(
            Costly(w, words[w], pieces[w] / words[w]) for w in dear if pieces[w] > words[w]
        ),
    )  # fmt: skip


def _cut(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    """(word, tokens that hold some of it) for every word of `text`."""
    spans = [(a, b) for a, b in offsets if a < b]
    out, first = [], 0
    for match in WORD.finditer(text):
        while first < len(spans) and spans[first][1] <= match.start():
            first += 1
        last = first
        while last < len(spans) and spans[last][0] < match.end():
            last += 1
        out.append((match.group().casefold(), last - first))
        first = max(first, last - 1)  # a token may hold the end of one word and the next one
    return out


_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""How SentencePiece spells a byte that it falls back to."""


def _partial(tokenizer: Any, id: int) -> bool:
    spelt = str(tokenizer.convert_ids_to_tokens(id))
    return bool(_BYTE.fullmatch(spelt)) or "\ufffd" in str(tokenizer.decode([id]))


# ---- what new tokens would do ----------------------------------------------------------------


def save(tokenizer: Any, corpus: Corpus, number: int) -> Saving:
    """Choose `number` new tokens on the whole corpus, and count what each part would save."""
    tokens = choose(tokenizer, (t for part in corpus.values() for t in part), number)
    before = {part: _count(tokenizer, texts) for part, texts in corpus.items()}
    with TemporaryDirectory() as folder:
        new = extended(tokenizer, tokens, Path(folder)) if tokens else tokenizer
        after = {part: _count(new, texts) for part, texts in corpus.items()}
    return Saving(number, tokens, before, after)


def _count(tokenizer: Any, texts: Sequence[str]) -> int:
    if not texts:
        return 0
    return sum(map(len, tokenizer(list(texts), add_special_tokens=False)["input_ids"]))


def verdict(domain: Fit, general: Fit | None, saving: Saving | None) -> tuple[bool, str]:
    """Whether to extend the vocabulary, and why.

    Yes when the new tokens save `WORTH` of the corpus's tokens and the middle one of them occurs
    `LEARNABLE` times in it.
    """
    if saving is None:
        return False, "this kind of tokenizer cannot be extended here, only byte-level BPE can"
    share, seen = saving.share(), saving.occurrences
    what = f"{len(saving.tokens)} new tokens would save {share:.1%} of the tokens"
    if not saving.tokens:
        return False, "no word is both frequent and cut into several pieces"
    if share < WORTH:
        against = ""
        if general is not None and domain.tokens_per_word < 1.1 * general.tokens_per_word:
            against = ", and the domain's words are cut hardly more often than general ones"
        return False, f"{what}, less than the {WORTH:.0%} that would pay for the training{against}"
    if seen < LEARNABLE:
        return False, (
            f"{what}, but half of them occur fewer than {seen:.0f} times in this corpus, too "
            f"seldom to be learned ({LEARNABLE} times would do): add fewer tokens, or more text"
        )
    return True, (
        f"{what}, and the middle one occurs {seen:.0f} times, often enough to be learned; compare "
        "bits per byte before and after"
    )


# ---- doing it --------------------------------------------------------------------------------


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
    texts = list(dict.fromkeys(t for part in corpus.values() for t in part))
    held = [t for t in texts if place(plan.seed, "held out", t) < 0.1]
    seen = [t for t in texts if place(plan.seed, "held out", t) >= 0.1]
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
        len(tokens), len(held), _count(old, held), _count(new, held), before, grown, trained,
        seconds,
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
    with bar(f"bits per byte, {when}", total, quiet) as tick:
        return bits_per_byte(model, tokenizer, held, tick)


def _recipe(plan: Plan) -> Recipe:
    import torch

    return Recipe(
        learning_rate=plan.learning_rate, epochs=plan.epochs, batch_size=4, group_by_length=False,
        seed=plan.seed, bf16=torch.cuda.is_available(),
    )  # fmt: skip
