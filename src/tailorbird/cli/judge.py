"""Measure a judge on answers that people judged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import AsJson, Quiet

if TYPE_CHECKING:
    from rich.table import Table

    from tailorbird.evaluate.judges.record import JudgeRecord

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird judge graded.jsonl --rubric rubric.txt --model http://localhost:8000/v1#my-model\n\n"
    "tailorbird judge pairs.jsonl --rubric 'Which answer helps the customer more?' "
    "--out pair-judge.json"
)


def command(
    labelled: Annotated[Path, typer.Argument(help="JSON lines: answers that people judged.")],
    rubric: Annotated[
        str, typer.Option(help="What a good answer is: a text, or a file that holds it.")
    ],
    model: Annotated[
        str, typer.Option(help="fledgling, a hub id, a folder, or http://host/v1#name.")
    ] = "fledgling",
    grades: Annotated[
        str, typer.Option(help="The grades of single answers, worst to best.")
    ] = "bad,good",
    max_tokens: Annotated[int, typer.Option(min=1, help="For reasons and verdict.")] = 160,
    out: Annotated[Path, typer.Option(help="Where the judge is written.")] = Path("judge.json"),
    cache: Annotated[
        Path | None, typer.Option(help="Where its answers are kept; default: beside --out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Measure how far people agree with a judge, and what it favours. Pairs are asked both ways."""
    from tailorbird.evaluate.judges.labelled import read_labelled
    from tailorbird.evaluate.judges.measuring import measure
    from tailorbird.evaluate.judges.pairwise import Pairwise
    from tailorbird.evaluate.judges.rubric import Rubric
    from tailorbird.models.cached import Cached
    from tailorbird.models.load import load_model
    from tailorbird.progress import progress
    from tailorbird.store import file_digest

    text = Path(rubric).read_text("utf-8") if _is_file(rubric) else rubric
    single = Rubric(text, tuple(g.strip() for g in grades.split(",")), max_tokens)
    rows = read_labelled(labelled, single.grades)
    pairs = len(rows[0].answers) == 2
    judge = Pairwise(text, max_tokens) if pairs else single
    lm = Cached(load_model(model), cache or out.with_suffix(".cache"))
    about = {"file": labelled.name, "sha256": file_digest(labelled), "rows": len(rows)}
    silent = quiet or json
    with progress("judging", len(rows) * (2 if pairs else 1), silent) as tick:
        record = measure(lm, model, judge, rows, about, seed, tick)
    record.save(out)
    if json:
        print(out.read_text("utf-8"), end="")
    elif not quiet:
        _print(record, out)


def _is_file(text: str) -> bool:
    return len(text) < 200 and "\n" not in text and Path(text).is_file()


def _print(record: "JudgeRecord", out: Path) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(record))
    agreement = record.agreement
    assert agreement is not None
    number = sum(map(sum, agreement.confusion))
    console.print(f"\n{number} of {number + agreement.not_read} verdicts could be read.")
    reason = record.cannot_gate()
    console.print(f"It cannot gate: {reason}." if reason else "It can gate.", markup=False)
    print(f"written to {out}")


_MEANS = {
    "kappa": "agreement with people beyond chance; 1 is perfect",
    "agree": "verdicts equal to people's; what could not be read is not",
    "sensitivity": "of what people call good, called good",
    "specificity": "of what people call bad, called bad",
    "bias": "mean mark less people's",
    "order changes the verdict": "pairs on which the order alone decides; 0 is right",
    "first shown wins": "0.5 is right",
    "length": "given to longer answers beyond what people give; 0 is right",
    "self-preference": "given to its own answers beyond what people give; 0 is right",
}


def _table(record: "JudgeRecord") -> "Table":
    from rich.table import Table

    table = Table("", "value", "95 %", "n", "", box=None, header_style="bold")
    agreement = record.agreement
    found = {n: getattr(agreement, n, None) for n in _MEANS} | dict(record.probes)
    for name, means in _MEANS.items():
        estimate = found.get(name)
        if estimate is not None:
            ends = f"[{estimate.low:.2f}, {estimate.high:.2f}]"
            table.add_row(name, f"{estimate.value:.2f}", ends, str(estimate.n), means)
    return table
