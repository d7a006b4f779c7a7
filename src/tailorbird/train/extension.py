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
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel
from torch import Tensor, nn

from tailorbird.errors import ModelError
from tailorbird.store import write_text

Initialisation = Literal["pieces", "mean", "random"]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to add."""

    text: str
    """As byte-level BPE spells it: a leading space is `Ġ`."""
    pieces: tuple[str, ...]
    """The old tokens that it stands for, in order."""
    merge: tuple[str, ...]
    """The two tokens, old or new, that it joins."""
    saves: int
    """Tokens that it saves on the corpus, those before it being there."""
    count: int = 0
    """How often it is left in the corpus when later ones have taken their share."""

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
    """Up to `number` tokens that save most on `texts`, greedily, in the order of their merges.

    Byte-pair encoding goes on where it stopped (Sennrich et al. 2016, arXiv:1508.07909), on this
    text: the two pieces that follow one another most often inside words become one, and words are
    counted anew. A word of k pieces needs k - 1 merges and saves (k - 1) x count, so no word as a
    whole saves more per token than its best pair. A token has a letter and no digit, holds whole
    characters, and saves `at_least` tokens. Raises `ModelError` for a tokenizer that is not
    byte-level BPE.
    """
    counts = word_counts(tokenizer, texts)
    backend = tokenizer.backend_tokenizer
    cut = {w: tuple(t.value for t in backend.model.tokenize(w)) for w in counts}
    corpus = _Corpus(counts, cut, set(backend.get_vocab(with_added_tokens=True)), at_least)
    chosen = list(corpus.choose(number))
    left = corpus.occurrences()
    return tuple(replace(token, count=left[token.text]) for token in chosen)


Pair = tuple[str, ...]


class _Corpus:
    """Words in pieces, and the pairs among these."""

    def __init__(
        self,
        counts: Counter[str],
        cut: dict[str, tuple[str, ...]],
        vocabulary: set[str],
        at_least: int,
    ) -> None:
        self.counts, self.pieces, self.vocabulary = counts, dict(cut), vocabulary
        self.at_least = at_least
        self.pairs: Counter[Pair] = Counter()
        self.words: dict[Pair, set[str]] = defaultdict(set)
        self.heap: list[tuple[int, Pair]] = []
        for word in cut:
            self._count(word, 1)
        for pair in self.pairs:
            self._offer(pair)

    def choose(self, number: int) -> Iterator[NewToken]:
        """Join the commonest pair, count anew, `number` times."""
        old: dict[str, tuple[str, ...]] = {}
        for _ in range(number):
            pair = self._commonest()
            if pair is None:
                return
            text = "".join(pair)
            old[text] = tuple(o for piece in pair for o in old.get(piece, (piece,)))
            yield NewToken(text, old[text], pair, self.pairs[pair])
            self._join(pair, text)

    def occurrences(self) -> Counter[str]:
        """How often each piece stands in the corpus now."""
        found: Counter[str] = Counter()
        for word, pieces in self.pieces.items():
            for piece in pieces:
                found[piece] += self.counts[word]
        return found

    def _commonest(self) -> Pair | None:
        while self.heap:
            promised, pair = heapq.heappop(self.heap)
            if self.pairs[pair] == -promised and "".join(pair) not in self.vocabulary:
                return pair
            self._offer(pair)  # some of it went into other tokens
        return None

    def _offer(self, pair: Pair) -> None:
        text, saves = "".join(pair), self.pairs[pair]
        if saves >= self.at_least and text not in self.vocabulary and _sound(text):
            heapq.heappush(self.heap, (-saves, pair))

    def _join(self, pair: Pair, text: str) -> None:
        self.vocabulary.add(text)
        fresh: set[Pair] = set()
        for word in list(self.words[pair]):
            self._count(word, -1)
            self.pieces[word] = _joined(self.pieces[word], pair)
            self._count(word, 1)
            fresh.update(p for p in _pairs(self.pieces[word]) if text in p)
        for new in fresh:
            self._offer(new)

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

    They are merges behind all others, so every old token keeps its id, and text without a new
    token keeps its tokens, in whatever program reads the folder. Raises `ModelError` where the
    saved tokenizer does not do that.
    """
    state = json.loads(_byte_level(tokenizer).to_str())
    vocabulary: dict[str, int] = state["model"]["vocab"]
    for added in state["added_tokens"]:
        # tokenizers would renumber those outside the vocabulary when it has grown beyond them.
        vocabulary.setdefault(added["content"], added["id"])
    for id, token in enumerate(tokens, max(vocabulary.values()) + 1):
        vocabulary[token.text] = id
        state["model"]["merges"].append(list(token.merge))
    tokenizer.save_pretrained(folder)
    text = json.dumps(state, ensure_ascii=False, indent=2)
    write_text(folder / "tokenizer.json", text)
    for old_form in ("vocab.json", "merges.txt"):  # of the tokenizer as it was
        (folder / old_form).unlink(missing_ok=True)
    from tailorbird.models.local import load_tokenizer

    new = load_tokenizer(str(folder))
    _check(tokenizer, new, tokens)
    return new


def _check(old: Any, new: Any, tokens: Sequence[NewToken]) -> None:
    before, after = old.get_vocab(), new.get_vocab()
    moved = [t for t, id in before.items() if after.get(t) != id]
    if moved or len(after) != len(before) + len(tokens):
        raise ModelError(f"extending the tokenizer renumbered old tokens, such as {moved[:3]}")
    model = new.backend_tokenizer.model
    unused = [t.shown for t in tokens if [x.value for x in model.tokenize(t.text)] != [t.text]]
    if unused:
        raise ModelError(f"the extended tokenizer makes no use of {unused[0]!r}")


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
