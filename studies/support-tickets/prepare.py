"""Makes two benchmarks of the Bitext customer-support set: name the intent, write the reply.

    python studies/support-tickets/prepare.py DATA OUT

DATA holds support_v1_canned.csv and support_v2_generated.csv; OUT gets intent.jsonl, reply.jsonl
and answers.jsonl. The tickets were made from templates, so that cutting them at random would put
near-copies on both sides: tickets of one intent whose words, the named order or product aside, are
70 % the same are one group, and groups are never cut.
"""

import argparse
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

Row = dict[str, str]

ALIKE = 0.7
"""Jaccard similarity of word sets from which two tickets are near-copies."""
LONGEST = 100
"""Words of a reply: the embedded model loses its thread in longer ones."""
USUAL = 3
"""Replies of an intent that must use a placeholder before its sheet lists it."""
FLAGS = {"colloquial": "Q", "polite": "P", "offensive": "W", "typos": "Z"}
_WORDS = re.compile(r"[a-z']+|#")
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


def main() -> None:
    """Read both tables, write the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    canned = read(options.data / "support_v1_canned.csv")
    written = read(options.data / "support_v2_generated.csv")
    short = [r for r in written if len(r["response"].split()) <= LONGEST]
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "intent.jsonl", tickets(canned))
    write(options.out / "reply.jsonl", replies(short))
    write(options.out / "answers.jsonl", sheets(canned, short))


def read(path: Path) -> list[Row]:
    """The rows of a table; of tickets that are equal but for case, the first."""
    with path.open(encoding="utf-8", newline="") as file:
        first: dict[str, Row] = {}
        for row in csv.DictReader(file):
            first.setdefault(" ".join(row["instruction"].casefold().split()), row)
    return list(first.values())


def tickets(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows of the benchmark `intent`."""
    for number, (row, group) in enumerate(zip(rows, groups(rows))):
        yield {
            "id": f"ticket-{number:05d}",
            "ticket": row["instruction"],
            "intent": row["intent"],
            "group": group,
            "category": row["category"],
            **{name: "yes" if flag in row["tags"] else "no" for name, flag in FLAGS.items()},
        }


def replies(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows of the benchmark `reply`: what the ticket names and the reply repeats is required."""
    for row, ticket in zip(rows, tickets(rows)):
        named = whole(row["entity_value"], row["instruction"])
        stated = named and re.search(
            rf"(?<![\w$]){re.escape(named)}(?!\w)", row["response"], re.IGNORECASE
        )
        yield ticket | {
            "reply": row["response"].replace("\r\n", "\n").strip(),
            "facts": [named] if stated else [],
            "sources": [row["intent"]],
        }


def whole(named: str, ticket: str) -> str:
    """What the ticket names, with the rest of its word: some order numbers were cut."""
    match = re.search(rf"[\w$]*{re.escape(named)}\w*", ticket, re.IGNORECASE) if named else None
    return match[0] if match else named


def sheets(canned: Sequence[Row], written: Sequence[Row]) -> Iterator[dict[str, str]]:
    """For each intent the approved short answer, and the placeholders that replies may use."""
    answers = {row["intent"]: row["response"] for row in canned}
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for row in written:
        used[row["intent"]].update(set(_PLACEHOLDER.findall(row["response"])))
    for intent, answer in sorted(answers.items()):
        usual = [name for name, n in used[intent].most_common() if n >= USUAL]
        title = intent.replace("_", " ").capitalize()
        yield {"id": intent, "title": title, "text": " ".join([answer, *usual])}


def groups(rows: Sequence[Row]) -> list[str]:
    """One name per row, shared by near-copies (single linkage within an intent)."""
    words = [bag(row) for row in rows]
    by_intent: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_intent[row["intent"]].append(index)
    leader = list(range(len(rows)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    for members in by_intent.values():
        for a, b in combinations(members, 2):
            if len(words[a] & words[b]) >= ALIKE * len(words[a] | words[b]):
                leader[lead(b)] = lead(a)
    return [f"like-{lead(index):05d}" for index in range(len(rows))]


def bag(row: Row) -> frozenset[str]:
    """The words of a ticket, with `#` for the order, product or place that it names."""
    text, named = row["instruction"].casefold(), row["entity_value"].casefold()
    return frozenset(_WORDS.findall(text.replace(named, " # ") if named else text))


def write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """One JSON object per line."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path}: {len(lines):,} rows")


if __name__ == "__main__":
    main()
