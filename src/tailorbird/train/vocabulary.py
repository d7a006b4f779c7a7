"""How well a tokenizer fits a domain's text, and whether new tokens would pay."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tailorbird.data.documents import load_documents
from tailorbird.data.files import decode
from tailorbird.data.split import place
from tailorbird.errors import DataError
from tailorbird.models.base import Progress
from tailorbird.models.text import stretches
from tailorbird.store import said
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Documents
from tailorbird.train.extension import NewToken, choose, extended, is_byte_level

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
    fresh: float | None = None
    """Share saved on texts that such tokens were not chosen from; None where there are none."""

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
    """Choose `number` new tokens on the whole corpus, and count what each part would save.

    A choice is best for the text that it was made on. So another one is made on nine tenths of the
    texts, and counted on the last tenth (`fresh`).
    """
    texts = [t for part in corpus.values() for t in part]
    tokens, after = _chosen_and_counted(tokenizer, texts, corpus, number)
    before = {part: token_count(tokenizer, texts) for part, texts in corpus.items()}
    seen, held = hold_out(texts, 0)
    then = token_count(tokenizer, held)
    fresh = None
    if then and seen:
        _, now = _chosen_and_counted(tokenizer, seen, {"held": held}, number)
        fresh = 1 - now["held"] / then
    return Saving(number, tokens, before, after, fresh)


def _chosen_and_counted(
    tokenizer: Any, texts: Sequence[str], corpus: Corpus, number: int
) -> tuple[tuple[NewToken, ...], dict[str, int]]:
    """Tokens chosen on `texts`, and how many tokens each part of `corpus` has with them."""
    tokens = choose(tokenizer, texts, number)
    with TemporaryDirectory() as folder:
        new = extended(tokenizer, tokens, Path(folder)) if tokens else tokenizer
        return tokens, {part: token_count(new, texts) for part, texts in corpus.items()}


def hold_out(texts: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """Nine tenths of the different texts, and about a tenth, whatever their order."""
    different = list(dict.fromkeys(texts))
    held = {t for t in different if place(seed, "held out", t) < 0.1}
    return [t for t in different if t not in held], [t for t in different if t in held]


def token_count(tokenizer: Any, texts: Sequence[str]) -> int:
    """Tokens of all `texts`."""
    if not texts:
        return 0
    return sum(map(len, tokenizer(list(texts), add_special_tokens=False)["input_ids"]))


def verdict(domain: Fit, general: Fit | None, saving: Saving | None) -> tuple[bool, str]:
    """Whether to extend the vocabulary, and why.

    Yes when the new tokens save `WORTH` of the tokens of text that they were not chosen from, and
    the middle one of them occurs `LEARNABLE` times in the corpus.
    """
    if saving is None:
        return False, "this kind of tokenizer cannot be extended here, only byte-level BPE can"
    share = saving.share() if saving.fresh is None else saving.fresh
    seen = saving.occurrences
    where = "the tokens" if saving.fresh is None else "the tokens of text they were not chosen from"
    what = f"{len(saving.tokens)} new tokens would save {share:.1%} of {where}"
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
