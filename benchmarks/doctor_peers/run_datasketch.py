"""datasketch as its documentation shows it: query the index, then insert; equal rows by a set."""

import json
import re
import sys

from datasketch import MinHash, MinHashLSH
from report import Clock

WORD = re.compile(r"\w+")


def runs(text: str) -> list[bytes]:
    words = WORD.findall(text.casefold())
    return [" ".join(run).encode() for run in zip(words, words[1:], words[2:])]


def main() -> None:
    job = json.loads(sys.argv[1])
    clock = Clock()
    lsh = MinHashLSH(threshold=job["threshold"], num_perm=128)
    seen: set[tuple[str, str]] = set()
    sketches: dict[str, tuple[MinHash, str]] = {}
    copies: dict[str, str] = {}
    with open(job["file"], encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            key = (" ".join(row["input"].casefold().split()), row["target"])
            if key in seen:
                copies[row["id"]] = "equal"
                continue
            seen.add(key)
            sketch = MinHash(num_perm=128)
            sketch.update_batch(runs(row["input"]))
            alike = (
                other
                for other in lsh.query(sketch)
                if sketches[other][1] == row["target"]
                and sketch.jaccard(sketches[other][0]) >= job["threshold"]
            )
            if next(alike, None) is not None:
                copies[row["id"]] = "near"
                continue
            lsh.insert(row["id"], sketch)
            sketches[row["id"]] = sketch, row["target"]
    clock.report(job, copies)


if __name__ == "__main__":
    main()
