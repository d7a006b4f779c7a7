"""New words for a tokenizer, and rows for them in the model's embeddings.

A word that a domain uses all the time and the tokenizer cuts into many pieces costs a token a
piece, in every prompt. New tokens are chosen by what they save on a corpus, written into the
tokenizer's own byte-pair encoding (not put before it, as added tokens are, which would not know
the space in front of a word), and start out as the mean of the pieces that they replace.
"""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel
from torch import Tensor, nn

from tailorbird.errors import ModelError

Initialisation = Literal["pieces", "mean", "random"]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to add."""

    text: str
    """As byte-level BPE spells it: a leading space is `Ġ`."""
    pieces: tuple[str, ...]
    """The old tokens that it stands for, in order."""
    saves: int
    """Tokens that it saved on the corpus when it was chosen."""
    count: int
    """How often it stood in the corpus when it was chosen."""
    merge: tuple[str, ...] = ()
    """The two tokens that it joins anywhere in a word; none for a whole word, found as such."""

    @property
    def shown(self) -> str:
        """As people write it."""
        return spelled(self.text)


def spelled(token: str) -> str:
    """The text of a token of byte-level BPE; U+FFFD where it holds part of a character."""
    return str(ByteLevel().decode([token]))


# ---- choosing --------------------------------------------------------------------------------


def word_counts(tokenizer: Any, texts: Iterable[str]) -> Counter[str]:
    """How often each word, as the tokenizer cuts text before it looks for pieces, occurs.

    Raises `ModelError` for a tokenizer that is not byte-level BPE.
    """
    backend = _byte_level(tokenizer)
    counts: Counter[str] = Counter()
    for text in texts:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    return counts


def choose(
    tokenizer: Any, texts: Iterable[str], number: int, at_least: int = 5
) -> tuple[NewToken, ...]:
    """Up to `number` tokens that save most on `texts`, greedily, the best first.

    A candidate is a whole word of several pieces, which saves count x (pieces - 1) tokens, or two
    pieces that follow one another inside words, which save a token each time. Words are counted
    anew after every choice. A token has a letter and no digit, holds whole characters, and occurs
    `at_least` times. Raises `ModelError` for a tokenizer that is not byte-level BPE.
    """
    counts = word_counts(tokenizer, texts)
    backend = tokenizer.backend_tokenizer
    cut = {w: tuple(t.value for t in backend.model.tokenize(w)) for w in counts}
    corpus = _Corpus(counts, cut, set(backend.get_vocab(with_added_tokens=True)), at_least)
    return tuple(corpus.choose(number))


class _Corpus:
    """Words in pieces, and the candidates among them."""

    def __init__(
        self,
        counts: Counter[str],
        cut: dict[str, tuple[str, ...]],
        vocabulary: set[str],
        at_least: int,
    ) -> None:
        self.counts, self.pieces, self.vocabulary = counts, dict(cut), vocabulary
        self.at_least = at_least
        self.old: dict[str, tuple[str, ...]] = {}
        """Old tokens of each new one."""
        self.pairs: Counter[tuple[str, ...]] = Counter()
        self.words: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self.heap: list[tuple[int, str, tuple[str, ...]]] = []
        for word in cut:
            self._count(word, 1)
            self._offer(word, ())
        for pair in list(self.pairs):
            self._offer("".join(pair), pair)

    def choose(self, number: int) -> Iterator[NewToken]:
        """Take the best candidate, count anew, `number` times."""
        for _ in range(number):
            best = self._best()
            if best is None:
                return
            saves, text, pair = best
            pieces = pair or self.pieces[text]
            old = tuple(o for piece in pieces for o in self.old.get(piece, (piece,)))
            count = self.pairs[pair] if pair else self.counts[text]
            self.old[text] = old
            self.vocabulary.add(text)
            self._apply(text, pair)
            yield NewToken(text, old, saves, count, pair)

    def _best(self) -> tuple[int, str, tuple[str, ...]] | None:
        """The candidate that saves most now; what was promised before may have been taken."""
        while self.heap:
            promised, text, pair = heapq.heappop(self.heap)
            now = self._saves(text, pair)
            if now == -promised and now > 0:
                return now, text, pair
            self._offer(text, pair)
        return None

    def _saves(self, text: str, pair: tuple[str, ...]) -> int:
        if text in self.vocabulary:
            return 0
        if not pair:
            count, each = self.counts[text], len(self.pieces[text]) - 1
        else:
            count, each = self.pairs[pair], 1
        return count * each if count >= self.at_least else 0

    def _offer(self, text: str, pair: tuple[str, ...]) -> None:
        saves = self._saves(text, pair)
        if saves and _sound(text):
            heapq.heappush(self.heap, (-saves, text, pair))

    def _apply(self, text: str, pair: tuple[str, ...]) -> None:
        touched = [text] if not pair else list(self.words[pair])
        fresh: set[tuple[str, ...]] = set()
        for word in touched:
            self._count(word, -1)
            self.pieces[word] = (text,) if not pair else _joined(self.pieces[word], pair)
            self._count(word, 1)
            fresh.update(pair for pair in _pairs(self.pieces[word]) if text in pair)
        for new in fresh:
            self._offer("".join(new), new)

    def _count(self, word: str, sign: int) -> None:
        for pair in _pairs(self.pieces[word]):
            self.pairs[pair] += sign * self.counts[word]
            (self.words[pair].add if sign > 0 else self.words[pair].discard)(word)


def _pairs(pieces: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The pairs that could be joined: of three equal pieces in a row, two are one pair."""
    found: list[tuple[str, ...]] = []
    free = True
    for before, pair in zip(((), *pairwise(pieces)), pairwise(pieces)):
        free = pair != before or not free
        if free:
            found.append(pair)
    return found


def _joined(pieces: tuple[str, ...], pair: tuple[str, ...]) -> tuple[str, ...]:
    """`pieces` with every `pair` made one, from left to right, as BPE merges."""
    out: list[str] = []
    at = 0
    while at < len(pieces):
        if pieces[at : at + 2] == pair:
            out.append("".join(pair))
            at += 2
        else:
            out.append(pieces[at])
            at += 1
    return tuple(out)


def _sound(token: str) -> bool:
    text = spelled(token)
    return (
        "\ufffd" not in text
        and any(c.isalpha() for c in text)
        and not any(c.isnumeric() for c in text)
    )


# ---- the tokenizer ---------------------------------------------------------------------------


def is_byte_level(tokenizer: Any) -> bool:
    """Whether the tokenizer is byte-level BPE: the kind that can be extended here."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or type(backend.model).__name__ != "BPE" or not backend.pre_tokenizer:
        return False
    return '"ByteLevel"' in json.dumps(json.loads(backend.to_str())["pre_tokenizer"])


def _byte_level(tokenizer: Any) -> Tokenizer:
    if not is_byte_level(tokenizer):
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path} is not byte-level BPE, and no other kind "
            "can be extended",
            hint="byte-level are those of GPT-2, Llama 3, Qwen, SmolLM and fledgling",
        )
    backend: Tokenizer = tokenizer.backend_tokenizer
    return backend


def extended(tokenizer: Any, tokens: Sequence[NewToken], folder: Path) -> Any:
    """`tokenizer` with `tokens`, saved in `folder` and read from there.

    Whole words are looked up before any merge (`ignore_merges` of tokenizers), so that they need
    no half-words on the way; pairs are merges after all others. Every old token keeps its id, and
    text without a new token keeps its tokens. Raises `ModelError` where that does not hold.
    """
    state = json.loads(_byte_level(tokenizer).to_str())
    vocabulary: dict[str, int] = state["model"]["vocab"]
    for added in state["added_tokens"]:
        # tokenizers would renumber those outside the vocabulary when it has grown beyond them.
        vocabulary.setdefault(added["content"], added["id"])
    first = max(vocabulary.values()) + 1
    for id, token in enumerate(tokens, first):
        vocabulary[token.text] = id
        if token.merge:
            state["model"]["merges"].append(list(token.merge))
    state["model"]["ignore_merges"] = True
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(
        json.dumps(state, ensure_ascii=False, indent=2), encoding="utf-8"
    )
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    # A model's own class would build the tokenizer from its vocabulary and merges alone.
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    from tailorbird.models.local import load_tokenizer

    new = load_tokenizer(str(folder))
    _check(tokenizer, new, tokens)
    return new


def _check(old: Any, new: Any, tokens: Sequence[NewToken]) -> None:
    before, after = old.get_vocab(), new.get_vocab()
    moved = [t for t, id in before.items() if after.get(t) != id]
    if moved or len(after) != len(before) + len(tokens):
        raise ModelError(f"extending the tokenizer renumbered old tokens, such as {moved[:3]}")
    whole = [t.text for t in tokens if not t.merge]
    unused = [t for t in whole if [x.value for x in _model(new).tokenize(t)] != [t]]
    if unused:
        raise ModelError(f"the extended tokenizer does not use {spelled(unused[0])!r}")
    # Tokens that no merge leads to would be found now that whole words are looked up.
    if not json.loads(old.backend_tokenizer.to_str())["model"].get("ignore_merges"):
        hidden = [t for t in before if _sound(t) and _changed(old, new, t)]
        if hidden:
            raise ModelError(
                f"{len(hidden)} old tokens, such as {spelled(hidden[0])!r}, were out of reach of "
                "the tokenizer's merges and would now be used",
                hint="this tokenizer cannot be extended without changing other text",
            )


def _changed(old: Any, new: Any, token: str) -> bool:
    cut = old.backend_tokenizer.pre_tokenizer.pre_tokenize_str(spelled(token))
    if [word for word, _ in cut] != [token]:
        return False  # never a word of its own
    return len(_model(old).tokenize(token)) != len(_model(new).tokenize(token))


def _model(tokenizer: Any) -> Any:
    return tokenizer.backend_tokenizer.model


# ---- the model -------------------------------------------------------------------------------


def grow(
    model: Any,
    tokenizer: Any,
    tokens: Sequence[NewToken],
    how: Initialisation = "pieces",
    seed: int = 0,
) -> None:
    """Give `model` rows for `tokens`, which `tokenizer` (the extended one) knows; in place.

    how: `pieces`, the mean of the rows of the pieces (Koto et al. 2021, IndoBERTweet,
    arXiv:2109.04607); `mean`, the mean of all old rows (Hewitt 2021, "Initializing new word
    embeddings for pretrained language models"); `random`, normal noise with the old rows' standard
    deviation. Input and output embeddings, tied or not, and an output bias are filled alike.
    """
    if not tokens:
        return
    ids = tokenizer.get_vocab()
    first = ids[tokens[0].text]
    if first + len(tokens) > model.get_input_embeddings().weight.shape[0]:
        # Some models have spare rows, and these are not taken away.
        model.resize_token_embeddings(first + len(tokens), mean_resizing=False)
    pieces = [[ids[p] for p in token.pieces] for token in tokens]
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for table in _tables(model):
            table[first : first + len(tokens)] = _rows(table[:first], pieces, how, draw)


def _tables(model: Any) -> Iterator[Tensor]:
    """Everything with one row per token: [V, D], or [V]; what is tied, once."""
    table = model.get_input_embeddings().weight
    yield table
    head: nn.Linear | None = model.get_output_embeddings()
    if head is not None and head.weight is not table:
        yield head.weight
    if head is not None and getattr(head, "bias", None) is not None:
        yield head.bias


def _rows(
    old: Tensor, pieces: Sequence[Sequence[int]], how: Initialisation, draw: torch.Generator
) -> Tensor:
    if how == "pieces":
        return torch.stack([old[list(p)].float().mean(0) for p in pieces]).to(old.dtype)
    if how == "mean":
        return old.float().mean(0).to(old.dtype).expand(len(pieces), *old.shape[1:])
    noise = torch.randn(len(pieces), *old.shape[1:], generator=draw)
    return noise.to(old.device, old.dtype) * old.float().std().to(old.dtype)
