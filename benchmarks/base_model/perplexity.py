"""Running text that training does not read."""

import argparse
import gzip
import math
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

from base_model.subject import SEED, Subject
from base_model.table import Cell, Table
from tailorbird.models.text import log_probabilities

NEEDS: tuple[str, ...] = (
    "enwiki_plain/valid.txt.gz",
    "wikitext2_valtest/test.txt",
)
"""Files of the data folder."""

WINDOW = 512
"""Tokens of a window of running text, its start token included."""


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """Running text that training does not read, in windows of `WINDOW` tokens that do not overlap.

    Every window begins with the start token and stays within an article. Bits per byte compare
    models with different tokenizers: all read the same articles. The novels of the mix are left
    out, as training reads them all.
    """
    sources = {
        "Wikipedia 2015, held-out articles": wikipedia(options.data_folder),
        "WikiText-2 test": wikitext(options.data_folder),
    }
    rows: list[tuple[Cell, ...]] = []
    for name, articles in sources.items():
        texts = some(articles, 1000 * options.text_kb)
        windows = [w for text in texts for w in cut(subject.ids(text), WINDOW - 1)]
        totals = log_probabilities(subject.parts[0], [[subject.start, *w] for w in windows])
        size, tokens = sum(len(t.encode()) for t in texts), sum(map(len, windows))
        nats = -sum(totals)
        bits = nats / math.log(2) / size
        rows.append((name, nats / tokens, math.exp(nats / tokens), bits, tokens, size, len(texts)))
    columns = ("text", "nats per token", "perplexity per token", "bits per byte")
    return Table((*columns, "tokens", "bytes", "articles"), rows, UNKNOWN_WORDS)


UNKNOWN_WORDS = (
    "WikiText-2 has `<unk>` for every rare word, here as the five characters: compare models on "
    "it, not the two texts."
)


def some(texts: Sequence[str], size: int) -> list[str]:
    """Texts in a seeded order, until together they have `size` bytes."""
    chosen: list[str] = []
    for text in Random(SEED).sample(texts, len(texts)):
        if size <= 0:
            break
        chosen.append(text)
        size -= len(text.encode())
    return chosen


def cut(ids: Sequence[int], length: int) -> list[Sequence[int]]:
    return [ids[i : i + length] for i in range(0, len(ids), length)]


def wikipedia(folder: Path) -> list[str]:
    """The articles of English Wikipedia that were set apart from those of the mix."""
    with gzip.open(folder / NEEDS[0], "rt", encoding="utf-8") as file:
        return [article.strip() for article in file.read().split("\n\n") if article.strip()]


READ_IN_TRAINING = ("American Beauty (1999 film)", "<unk>\n<unk> (/ <unk> /; Latin")
"""Beginnings of the two test articles of WikiText-2 that are in the training text as well: it holds
36 % and 50 % of their sequences of twelve words, 0.1 % of those of the other sixty articles, and
1.2 % of those of the held-out articles of Wikipedia."""


def wikitext(folder: Path) -> list[str]:
    """The test articles of WikiText-2 (Merity et al. 2016), in the usual spelling."""
    text = (folder / NEEDS[1]).read_text("utf-8")
    articles = re.split(r"(?m)^(?= = [^=\n]+ = *$)", text)
    texts = [joined(article) for article in articles if article.strip()]
    return [text for text in texts if not text.startswith(READ_IN_TRAINING)]


_JOINS = (
    (r" @([-,.])@ ", r"\1"),
    (r"(?m)^ *(?:= )+(.*?)(?: =)+ *$", r"\1"),
    (r'" ([^"\n]*) "', r'"\1"'),
    (r" (n't|'[a-z]*|[.,;:!?)\]%])(?=[ \n\"]|$)", r"\1"),
    (r"([(\[$£]) ", r"\1"),
    (r" *\n[ \n]*", "\n"),
)


def joined(text: str) -> str:
    """Text whose words and marks stand apart, in the usual spelling; headings without marks."""
    for pattern, replacement in _JOINS:
        text = re.sub(pattern, replacement, text)
    return text.strip()
