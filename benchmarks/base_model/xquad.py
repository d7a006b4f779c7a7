"""Answers read out of a passage."""

import argparse
import gzip
import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from base_model.subject import SEED, Subject
from base_model.table import Cell, Table, interval
from tailorbird.models.base import LM, Completion, Sampling
from tailorbird.models.fledgling.tasks.chat import with_passages
from tailorbird.task.types import Message, Prompt

NEEDS: tuple[str, ...] = ("xquad_en/xquad.en.json",)
"""Files of the data folder."""

READING = "Answer the question using only the passages. Give only the value."
"""In the words of the mix: a passage, a question, and a value with no sentence around it."""
ANSWER_TOKENS = 32
"""Longest answer; 1 % of the spans are longer."""


@dataclass(frozen=True)
class Question:
    """One question about one paragraph."""

    title: str
    passage: str
    text: str
    answers: tuple[str, ...]


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """XQuAD in English (Artetxe et al. 2020, ACL): 1,190 questions on 240 paragraphs of SQuAD.

    The paragraph stands in the prompt as retrieved passages do, answers are greedy. Texts are
    normalised as for SQuAD (Rajpurkar et al. 2016). Exact: answer and span are equal; F1: of
    their words; contains: the span stands in the answer; copied: the answer, not empty, stands in
    the paragraph, right or wrong. Intervals hold questions about one paragraph together.
    """
    every = questions(options.data_folder)
    asked = Random(SEED).sample(every, min(options.items, len(every)))
    prompts, shortened = zip(*(fitting(subject.lm, q) for q in asked))
    done = subject.lm.complete(prompts, Sampling(max_tokens=ANSWER_TOKENS))
    marks = [answer_marks(c.text, q) for c, q in zip(done, asked)]
    known = articles_read(options.data_folder)
    unseen = [q.title not in known for q in asked]
    rows = [
        reading_row("all", asked, marks, [True] * len(asked)),
        reading_row("of articles that training does not read", asked, marks, unseen),
    ]
    return Table(("questions", *MARKS, "items", "paragraphs"), rows, reading_note(done, shortened))


def reading_note(done: Sequence[Completion], shortened: Sequence[bool]) -> str:
    """What else became of the questions."""
    longest = max(c.usage.prompt_tokens for c in done)
    endless = sum(c.finish == "length" for c in done) / len(done)
    empty = sum(not c.text for c in done) / len(done)
    return (
        f"{sum(shortened) / len(done):.1%} of the passages were cut off to fit; the longest prompt "
        f"has {longest:,} tokens. {endless:.1%} of the answers did not end within "
        f"{ANSWER_TOKENS} tokens, {empty:.1%} are empty."
    )


def reading_row(
    name: str, asked: Sequence[Question], marks: Sequence[tuple[float, ...]], kept: Sequence[bool]
) -> tuple[Cell, ...]:
    """The mean of every mark over the questions that are kept."""
    groups = [q.passage for q, keep in zip(asked, kept) if keep]
    chosen = zip(*(m for m, keep in zip(marks, kept) if keep))
    means = [interval(mark, groups) for mark in chosen] or [None] * len(MARKS)
    return (name, *means, len(groups), len(set(groups)))


def questions(folder: Path) -> list[Question]:
    articles = json.loads((folder / NEEDS[0]).read_text("utf-8"))["data"]
    return [
        Question(
            article["title"].replace("_", " "),
            paragraph["context"],
            asked["question"],
            tuple(answer["text"] for answer in asked["answers"]),
        )
        for article in articles
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]


def articles_read(folder: Path) -> set[str]:
    """Titles of the Wikipedia articles that the mix draws from; empty where there is no list."""
    file = folder / "enwiki_plain" / "titles.tsv.gz"
    if not file.is_file():
        return set()
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        records = [line.rstrip("\n").split("\t") for line in lines]
    return {title for _, split, title, *_ in records if split == "train"}


def fitting(lm: LM, question: Question) -> tuple[Prompt, bool]:
    """The prompt, and whether the end of its passage had to be left out."""
    words = question.passage.split(" ")
    kept = len(words)
    while True:
        shown = with_passages([(question.title, " ".join(words[:kept]))], question.text)
        prompt = (Message("system", READING), Message("user", shown))
        room = lm.room(prompt, ANSWER_TOKENS)
        if room is None or room >= 0 or not kept:
            return prompt, kept < len(words)
        kept = kept * 9 // 10


MARKS = ("exact", "F1", "contains", "copied")


def answer_marks(said: str, question: Question) -> tuple[float, ...]:
    """The marks of one answer, in the order of `MARKS`."""
    answer, passage = normal(said), normal(question.passage)
    golds = [normal(gold) for gold in question.answers]
    return (
        float(answer in golds),
        max(overlap(answer.split(), gold.split()) for gold in golds),
        float(any(f" {gold} " in f" {answer} " for gold in golds)),
        float(answer != "" and f" {answer} " in f" {passage} "),
    )


def normal(text: str) -> str:
    """Lower case, without punctuation, articles and extra white space."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def overlap(said: Sequence[str], wanted: Sequence[str]) -> float:
    """F1 of the words of two texts."""
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (Counter(said) & Counter(wanted)).total() / (len(said) + len(wanted))
