"""How well each detector tells supported answers from unsupported ones, and where it fails.

    python benchmarks/hallucination.py DATA [--fit] [--nli MODEL] [--judge MODEL]
        [--save FILE] [--cache FOLDER]

DATA holds `xquad_en` (passages with questions) and `halueval_general` (answers of a chat model that
people marked). Answers to XQuAD's questions are the sentences of its passages that hold the answer,
reworded; each is also made false in seven ways, one thing changed. `--fit` weighs the
detectors on one half of the articles and writes the packaged calibration; everything is measured on
the other half. Two further sets are measured without any fitting: HaluEval's grounded answers, and
its answers without sources, where nothing but the question can be held against them.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from tailorbird.evaluate.hallucination._corruptions import KINDS, Material, corrupt, names_of
from tailorbird.evaluate.hallucination._quality import quality
from tailorbird.evaluate.hallucination._sentences import sentences
from tailorbird.evaluate.hallucination.base import Case, make_detector, weakest
from tailorbird.evaluate.hallucination.combined import PACKAGED, Calibration, fit
from tailorbird.evaluate.hallucination.encoder import against
from tailorbird.models.encoder import embed
from tailorbird.store import file_digest, write_json

SEED = 0
WEIGHED = ("facts", "overlap", "polarity", "encoder")
PEOPLE = 600
"""Answers of HaluEval's 4,507 that are measured, drawn at random."""

EACH = 10
"""Sentences taken of an article, so that no long one outweighs the others."""

_SAME_MEANING = tuple(
    tuple(pair.strip().split("="))
    for pair in """
    began=started, also=too, approximately=about, several=a number of, such as=like,
    due to=because of, known as=called, established=founded, primarily=mainly, constructed=built,
    received=was given, the majority of=most of, important=significant, led to=brought about,
    created=made, consists of=is made up of, located=situated, often=frequently, required=needed,
    additionally=besides, entire=whole, usually=as a rule, near=close to, used=employed,
    many=numerous, people=persons, part=portion, became=turned into, found=discovered,
    include=comprise, includes=comprises, various=different, although=though, helped=assisted,
    shows=demonstrates, show=demonstrate, area=region, areas=regions, city=town, country=nation,
    countries=nations, war=conflict, died=passed away, won=gained, team=squad, amount=quantity,
    type=kind, types=kinds, caused=brought about, result=outcome, results=outcomes,
    common=widespread, provide=supply, provided=supplied, provides=supplies, produced=made,
    changed=altered, company=firm, companies=firms, problem=difficulty, problems=difficulties,
    term=word, law=statute, laws=statutes, believed=thought, said=stated, wrote=penned,
    published=brought out, designed=devised, during=in the course of, main=chief, students=pupils,
    population=inhabitants, method=way, methods=ways, number=count, children=young people,
    first=earliest, new=novel, group=band, groups=bands, system=arrangement, systems=arrangements
    """.split(",")  # noqa: SIM905
)


class Marked(NamedTuple):
    """An answer, whether it is supported, and how it was made."""

    case: Case
    supported: bool
    kind: str
    group: str | None


# ---- cases -----------------------------------------------------------------------------------


def xquad(folder: Path) -> list[Marked]:
    """Sentences that answer, as they are and made false; the group is the article."""
    articles = json.loads((folder / "xquad.en.json").read_text("utf-8"))["data"]
    rng, found = random.Random(SEED), []
    texts = [" ".join(p["context"] for p in a["paragraphs"]) for a in articles]
    for number, article in enumerate(articles):
        names = sorted({n for i, t in enumerate(texts) if i != number for n in names_of(t)})
        answering = {}
        for index, paragraph in enumerate(article["paragraphs"]):
            for qa in paragraph["qas"]:
                start = qa["answers"][0]["answer_start"]
                answering.setdefault(sentence_at(paragraph["context"], start), (index, qa))
        others = [(s, index) for s, (index, _) in answering.items()]
        drawn = rng.sample(list(answering), min(EACH, len(answering)))
        for sentence in drawn:
            index, qa = answering[sentence]
            context = article["paragraphs"][index]["context"]
            said = reworded(sentence)
            material = Material((context,), names)
            made = {kind: corrupt(kind, said, material, rng) for kind in KINDS}
            elsewhere = [s for s, i in others if i != index]
            made["another passage"] = rng.choice(elsewhere) if elsewhere else None
            rows = [("supported", said), *made.items()]
            for kind, text in rows:
                if text is not None:
                    case = Case(text, (context,), qa["question"])
                    found.append(Marked(case, kind == "supported", kind, article["title"]))
    return found


def sentence_at(context: str, start: int) -> str:
    """The sentence of `context` that holds the character `start`."""
    end = 0
    for sentence in sentences(context):
        end = context.index(sentence, end) + len(sentence)
        if start < end:
            return sentence
    raise ValueError("no sentence holds this character")


def reworded(sentence: str) -> str:
    """The same in other words: no brackets, no opening phrase, some words changed for others."""
    text = re.sub(r" ?\([^)]*\)", "", sentence)
    opening, comma, rest = text.partition(", ")
    if comma and len(opening.split()) <= 4 and len(rest.split()) >= 8:
        text = rest[0].upper() + rest[1:]
    for old, new in _SAME_MEANING:
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def grounded(folder: Path) -> list[Marked]:
    """HaluEval's questions on passages: the right answer, and one that a model made up."""
    found = []
    for line in (folder / "qa_one-turn_data.json").read_text("utf-8").splitlines():
        row = json.loads(line)
        for key, kind in (("right_answer", "supported"), ("hallucinated_answer", "made up")):
            case = Case(row[key], (row["knowledge"],), row["question"])
            found.append(Marked(case, kind == "supported", kind, row["question"]))
    return found


def people(folder: Path) -> list[Marked]:
    """HaluEval's answers of a chat model, marked by people; there are no sources."""
    lines = (folder / "general_data.json").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in random.Random(SEED).sample(lines, PEOPLE)]
    return [
        Marked(
            Case(r["chatgpt_response"], (), r["user_query"]), r["hallucination"] == "no",
            "supported" if r["hallucination"] == "no" else "marked by people", None,
        )
        for r in rows
    ]  # fmt: skip


# ---- measuring -------------------------------------------------------------------------------


def supports(rows: Sequence[Marked], detector: Any) -> list[float]:
    """Of the weakest claim of each answer; one that was not judged counts as supported."""
    found = detector.examine([r.case for r in rows])
    marks = [weakest(claims) for claims in found]
    return [1.0 if m is None else m for m in marks]


def remember(rows: Sequence[Marked], folder: Path) -> None:
    """Embed every sentence once, for all detectors."""
    answers = {s for r in rows for s in sentences(r.case.answer)}
    with_questions = {against(s, r.case)[0] for r in rows for s in sentences(r.case.answer)}
    rests = {s for r in rows for t in (*r.case.sources, r.case.question) for s in sentences(t)}
    for texts in (answers, with_questions - answers, rests):
        if texts:
            embed(sorted(texts), folder)


def by_kind(rows: Sequence[Marked], marks: Sequence[float], threshold: float) -> dict[str, Any]:
    """Quality against each kind of falsehood, and against all of them."""
    kinds = sorted({r.kind for r in rows if not r.supported})
    found = {}
    for kind in [*kinds, "all"]:
        kept = [(r, m) for r, m in zip(rows, marks) if r.supported or kind in ("all", r.kind)]
        found[kind] = quality(
            [m for _, m in kept], [r.supported for r, _ in kept], [r.group for r, _ in kept],
            threshold, SEED,
        ).to_json()  # fmt: skip
    return found


def shown(value: dict[str, Any] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value['value']:.0f} [{100 * value['low']:.0f}, {100 * value['high']:.0f}]"


def show(name: str, detector: str, found: dict[str, Any]) -> None:
    for kind, q in found.items():
        cells = [f"{part} {shown(q[part])}" for part in ("auc", "recall", "precision")]
        print(f"{name:10} {detector:9} {kind:16} {'  '.join(cells)}  n {q['auc']['n']}", flush=True)
    print(f"{name:10} {detector:9} {'false alarms':16} {shown(found['all']['false_alarms'])}")


def fit_packaged(rows: Sequence[Marked], folder: Path) -> None:
    """Weigh the detectors on `rows`, and write the calibration that is packaged."""
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.kind] += 1
    about = {
        "data": "xquad.en.json (CC-BY-SA-4.0), every second article by title, sentences reworded",
        "sha256": file_digest(folder / "xquad.en.json"),
        "answers": dict(counts),
        "command": "python benchmarks/hallucination.py DATA --fit",
        "seed": SEED,
        "date": date.today().isoformat(),
    }
    cases, truth = [r.case for r in rows], [r.supported for r in rows]
    made = fit(cases, truth, WEIGHED, about)
    made.save(PACKAGED)
    print("weights", dict(zip(WEIGHED, made.weights)), "intercept", made.intercept)
    for name in ("overlap", "encoder"):
        marks = supports(rows, make_detector(name))
        print(f"{name}: the best threshold on these articles is {best_threshold(marks, truth)}")


def best_threshold(marks: Sequence[float], truth: Sequence[bool]) -> float:
    """Where recall less false alarms is greatest, to a twentieth."""
    good = sum(truth)

    def gain(threshold: float) -> float:
        called = [t for m, t in zip(marks, truth) if m < threshold]
        return called.count(False) / (len(truth) - good) - called.count(True) / good

    return max((n / 20 for n in range(1, 21)), key=gain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="weigh the detectors anew")
    parser.add_argument("--nli", help="measure an NLI model, too")
    parser.add_argument("--judge", help="measure a language model as a judge, too")
    parser.add_argument("--save", type=Path, help="write what was found as JSON")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept; default: nowhere")
    options = parser.parse_args()
    folder = options.cache or Path(tempfile.mkdtemp())
    made = xquad(options.data / "xquad_en")
    remember(made, folder)
    titles = sorted({str(r.group) for r in made})
    first = set(titles[::2])
    if options.fit:
        fit_packaged([r for r in made if r.group in first], options.data / "xquad_en")
    halueval = options.data / "halueval_general"
    sets = {
        "xquad": [r for r in made if r.group not in first],
        "grounded": grounded(halueval),
        "people": people(halueval),
    }
    chosen: dict[str, Any] = {name: {name: {}} for name in (*WEIGHED, "combined")}
    for name in ("nli", "judge"):
        if getattr(options, name):
            chosen[name] = {name: {"model": getattr(options, name)}}
    results: dict[str, Any] = {"date": date.today().isoformat(), "seed": SEED, "sets": {}}
    for name, rows in sets.items():
        remember(rows, folder)
        for detector, named in chosen.items():
            made_one = make_detector(named)
            marks = supports(rows, made_one)
            found = by_kind(rows, marks, made_one.threshold)
            show(name, detector, found)
            results["sets"].setdefault(name, {})[detector] = {
                "threshold": made_one.threshold,
                "kinds": found,
            }
    results["calibration"] = Calibration.load(PACKAGED).provenance
    if options.save:
        write_json(options.save, results)


if __name__ == "__main__":
    sys.exit(main())
