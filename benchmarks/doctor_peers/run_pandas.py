"""A plain pandas script: equal rows, and rows that are equal without punctuation and case."""

import json
import sys

import pandas
from report import Clock


def main() -> None:
    job = json.loads(sys.argv[1])
    clock = Clock()
    rows = pandas.read_json(job["file"], lines=True)
    rows["input"] = rows["input"].str.casefold().str.split().str.join(" ")
    equal = rows.duplicated(["input", "target"])
    rows["input"] = rows["input"].str.replace(r"[^\w ]", "", regex=True)
    near = rows.duplicated(["input", "target"]) & ~equal
    copies = dict.fromkeys(rows["id"][equal], "equal") | dict.fromkeys(rows["id"][near], "near")
    clock.report(job, copies)


if __name__ == "__main__":
    main()
