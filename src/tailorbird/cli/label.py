"""Choose what to label next, label it, agree, and take the labels."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Overrides,
    Quiet,
    Study,
    load,
    parse_overrides,
    print_json,
    tell,
)
from tailorbird.registry import names
from tailorbird.words import command_line, counted

if TYPE_CHECKING:
    from rich.console import Console

    from tailorbird.learn.queue import Queue
    from tailorbird.learn.records import Item
    from tailorbird.learn.select import Selection
    from tailorbird.learn.standing import Standing
    from tailorbird.learn.taking import Taken
    from tailorbird.task.benchmark import Task

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird label next my-task -n 50\n\n"
    "tailorbird label answer my-task --as nadia\n\n"
    "tailorbird label take my-task"
)
DATABASE = "labels.db"
"""Beside task.yaml."""
_SHOWN = 10
_STRATEGIES = f"How rows are chosen: {', '.join(names('learn.strategies'))}."

app = typer.Typer(no_args_is_help=True, help=__doc__, epilog=EXAMPLES)

Where = Annotated[
    str | None,
    typer.Option(
        "--queue", envvar="TAILORBIRD_QUEUE", show_envvar=False,
        help="A file, or the URL of a database; default TAILORBIRD_QUEUE, or labels.db beside "
        "task.yaml.",
    ),
]  # fmt: skip
Who = Annotated[
    str | None, typer.Option("--as", help="Who you are; default: your name on this machine.")
]
Blind = Annotated[bool, typer.Option("--blind", help="Show no suggestion.")]
Number = Annotated[int, typer.Option("-n", min=0, help="At most so many items.")]
Out = Annotated[Path | None, typer.Option(help="The climb's folder; default runs/NAME.")]


@app.command(
    "next",
    epilog="Examples:\n\ntailorbird label next my-task -n 50\n\n"
    "tailorbird label next my-task -n 20 --strategy disagreement --annotators 2 --controls 3\n\n"
    "tailorbird label next my-task -n 0",
)
def next_(
    study: Study,
    n: Annotated[int, typer.Option("-n", min=0, help="Rows; 0 shows the weak spots alone.")] = 20,
    strategy: Annotated[str, typer.Option(help=_STRATEGIES)] = "combined",
    pool: Annotated[
        Path | None, typer.Option(help="A file to choose from, in place of data.unlabelled.")
    ] = None,
    rung: Annotated[
        list[str] | None,
        typer.Option(help="Whose opinion counts (may be repeated); default: the best rung's."),
    ] = None,
    vectors: Annotated[
        str, typer.Option(help="What tells how alike inputs are: tfidf, minilm or an encoder.")
    ] = "minilm",
    consider: Annotated[
        int, typer.Option(min=1, help="Look at so many rows of the pool; of more, a seeded choice.")
    ] = 10_000,
    annotators: Annotated[int, typer.Option(min=1, help="People asked about each row.")] = 1,
    needed: Annotated[
        int | None, typer.Option(min=1, help="Equal labels that settle a row; default: all.")
    ] = None,
    controls: Annotated[
        int, typer.Option(min=0, help="Training rows among them, to measure annotators.")
    ] = 0,
    give: Annotated[
        list[str] | None,
        typer.Option(help="Give the rows to this person (may be repeated); default: to anybody."),
    ] = None,
    out: Out = None,
    data_folder: DataFolder = None,
    queue: Where = None,
    who: Who = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Show where a rung is weak, choose rows that should be labelled, and queue them."""
    from tailorbird.learn.select import Request, select
    from tailorbird.learn.strategies.base import make_strategy

    overrides = parse_overrides(set_)
    if pool is not None:
        overrides["data.unlabelled"] = [str(pool.resolve())]
    request = Request(
        n, make_strategy(strategy, {}), strategy, tuple(rung or ()), consider, vectors, controls
    )
    silent = quiet or json
    task = load(study, data_folder, overrides, silent)
    kept = _open(study, queue, task)
    folder = out or Path("runs") / task.spec.name
    selection = select(task, folder, request, kept.keys(), silent)
    new = kept.put(selection.entries, _me(who), annotators, needed)
    if give:
        kept.assign(new, give, _me(who))
    if json:
        spots = selection.spots and selection.spots.to_json()
        chosen = [i.shown() | {"id": i.entry.example.id} for i in new]
        print_json({"chosen": chosen, "weak_spots": spots})
    elif not quiet:
        _show_selection(_console(), selection, new, n)


@app.command(
    epilog="Example: tailorbird label doubt my-task -n 30 --annotators 2",
)
def doubt(
    study: Study,
    n: Number = 20,
    annotators: Annotated[int, typer.Option(min=1, help="People asked about each row.")] = 1,
    needed: Annotated[
        int | None, typer.Option(min=1, help="Equal labels that settle a row; default: all.")
    ] = None,
    out: Out = None,
    data_folder: DataFolder = None,
    queue: Where = None,
    who: Who = None,
    set_: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Queue rows of train and dev whose label a model strongly doubts, for a second look."""
    from tailorbird.learn.second_look import doubtful

    task = load(study, data_folder, parse_overrides(set_), quiet)
    kept = _open(study, queue, task)
    cache = (out or Path("runs") / task.spec.name) / "cache"
    entries = doubtful(task.without_test(), n, cache, quiet)
    new = kept.put(entries, _me(who), annotators, needed)
    if not quiet:
        doubted = counted(len(entries), "label is", "labels are")
        _say(_console(), f"{doubted} doubted; {len(new):,} of them newly queued.")


@app.command(
    epilog="Example: tailorbird label answer my-task --as nadia --blind",
)
def answer(
    study: Study,
    who: Who = None,
    n: Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many.")] = None,
    blind: Blind = False,
    data_folder: DataFolder = None,
    queue: Where = None,
) -> None:
    """Label in the terminal, one item after the other. What was answered is kept at once."""
    from tailorbird.cli._labelling import Dialogue

    console = _console()
    kept = _open(study, queue, load(study, data_folder, {}, True))
    done = Dialogue(kept, _me(who), iter(sys.stdin), lambda t: _say(console, t), blind).run(n)
    stand = command_line("label", "status", study)
    _say(console, f"\n{done:,} answered. {stand} says how things stand.")


@app.command(
    "export",
    epilog="Example: tailorbird label export my-task to-label.csv --as nadia -n 100",
)
def export_(
    study: Study,
    file: Annotated[Path, typer.Argument(help="JSONL, JSON, CSV or TSV, by its suffix.")],
    who: Who = None,
    n: Number = 100,
    blind: Blind = False,
    data_folder: DataFolder = None,
    queue: Where = None,
) -> None:
    """Write items to a file for somebody to fill in; they are kept for that person for a week."""
    from tailorbird.learn.exchange import write_items

    kept = _open(study, queue, load(study, data_folder, {}, True))
    name = _me(who)
    items = counted(write_items(kept, name, n, file, blind), "item")
    _say(_console(), f"{items} for {name} in {file}: fill in label, or cannot_tell.")


@app.command(
    "import",
    epilog="Example: tailorbird label import my-task to-label.csv --as nadia",
)
def import_(
    study: Study,
    file: Annotated[Path, typer.Argument(help="A file that was exported and filled in.")],
    who: Annotated[
        str | None, typer.Option("--as", help="Who labelled; default: the column annotator.")
    ] = None,
    data_folder: DataFolder = None,
    queue: Where = None,
) -> None:
    """Record the labels of a file. Equal ones change nothing, so that it may be read again."""
    from tailorbird.learn.exchange import KNOWN, read_answers

    kept = _open(study, queue, load(study, data_folder, {}, True))
    account = read_answers(kept, file, who)
    tell(account.lines())
    _say(_console(), f"{counted(account.kept - account.noted[KNOWN], 'answer')} recorded.")


@app.command(
    epilog="Example: tailorbird label status my-task",
)
def status(
    study: Study,
    data_folder: DataFolder = None,
    queue: Where = None,
    json: AsJson = False,
) -> None:
    """Say what is open, who labels how, and how far annotators agree."""
    from tailorbird.learn.standing import standing

    task = load(study, data_folder, {}, True)
    found = standing(_open(study, queue, task), task.spec.seed)
    if json:
        print_json(found.to_json())
    else:
        _show_standing(_console(), found)


@app.command(
    epilog="Examples:\n\ntailorbird label adjudicate my-task\n\n"
    "tailorbird label adjudicate my-task --item 12 --label refund --why 'asks for money back'\n\n"
    "tailorbird label adjudicate my-task --item 12 --reopen",
)
def adjudicate(
    study: Study,
    item: Annotated[
        int | None, typer.Option(help="The item; default: show all that wait for a decision.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="What it is, whatever was said.")] = None,
    why: Annotated[str, typer.Option(help="The reason; a label needs one.")] = "",
    reopen: Annotated[bool, typer.Option("--reopen", help="Ask everybody again.")] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Ask nobody, and take nothing.")
    ] = False,
    data_folder: DataFolder = None,
    queue: Where = None,
    who: Who = None,
    json: AsJson = False,
) -> None:
    """Show items on which annotators differ, or settle one: decide, reopen or withdraw it."""
    from tailorbird.errors import DataError
    from tailorbird.learn.exchange import rows_of

    kept = _open(study, queue, load(study, data_folder, {}, True))
    if item is None:
        waiting = kept.items(("disputed", "unclear"))
        if json:
            print_json(rows_of(waiting))
        else:
            _show_disputed(_console(), waiting)
        return
    if (label is not None) + reopen + withdraw != 1:
        raise DataError(
            "say one thing of the item", hint="--label L --why W, --reopen or --withdraw"
        )
    if label is not None:
        kept.decide(item, _me(who), label, why)
    elif reopen:
        kept.reopen(item, _me(who), why)
    else:
        kept.withdraw(item, _me(who), why)
    now = kept.item(item)
    if json:
        print_json(rows_of([now])[0])
    else:
        _say(_console(), f"Item {item} is {now.state}{f': {now.label}' if now.label else ''}.")


@app.command(
    epilog="Example: tailorbird label take my-task",
)
def take(
    study: Study,
    out: Annotated[
        Path | None, typer.Option(help="JSON lines; default labelled.jsonl beside task.yaml.")
    ] = None,
    data_folder: DataFolder = None,
    queue: Where = None,
    who: Who = None,
    json: AsJson = False,
) -> None:
    """Turn agreed labels into training rows, and correct labels that were looked at again."""
    from dataclasses import asdict

    from tailorbird.learn.taking import FILE, take
    from tailorbird.task.task import folder_of

    task = load(study, data_folder, {}, True)
    file = out or folder_of(study) / FILE
    taken = take(_open(study, queue, task), task, file, _me(who))
    if json:
        print_json(asdict(taken))
    else:
        _show_taken(_console(), taken, file, study, task)


# ---- what commands share -----------------------------------------------------------------------


def _open(study: Path, where: str | None, task: "Task") -> "Queue":
    from tailorbird.extras import need

    need("sqlalchemy")
    from tailorbird.learn.queue import Queue
    from tailorbird.task.task import folder_of

    return Queue.open(where or folder_of(study) / DATABASE, task)


def _me(who: str | None) -> str:
    import getpass

    from tailorbird.errors import DataError

    if who is not None:
        return who
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise DataError("your name on this machine is not known", hint="--as NAME") from error


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def _say(console: "Console", text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False)


def _clipped(text: str, width: int = 100) -> str:
    from tailorbird.errors import plain

    return plain(text if len(text) <= width else f"{text[: width - 1]}…")


# ---- what commands show ------------------------------------------------------------------------


def _show_selection(
    console: "Console", selection: "Selection", new: "list[Item]", wanted: int
) -> None:
    spots = selection.spots
    if spots is not None and spots.overall is not None:
        share = f"{100 * spots.overall.value:.0f} % of {spots.overall.n:,} dev items wrong"
        _say(console, f"{spots.rung}, {share}; {spots.looked_at} kinds of inputs looked at", "bold")
        for number, spot in enumerate(spots.spots, start=1):
            _say(console, f"{number}. {_clipped(spot.sentence, 400)}")
            for _, text in spot.shown:
                _say(console, f"     {_clipped(text)}", "dim")
            _say(console, f"     in the pool: {counted(spot.in_pool, 'row')} of this kind", "dim")
        _say(console, "" if spots.spots else "No kind of input stands out.")
    elif wanted:
        _say(console, "No rung has an opinion: tailorbird climb gives it one.", "dim")
    for reason, n in selection.left_out.items():
        _say(console, f"{counted(n, 'row')} of the pool left out: {reason}", "dim")
    seen = f"{selection.considered:,} of {selection.pool:,}"
    _say(console, f"{counted(len(new), 'row')} queued, of {seen} rows of the pool", "bold")
    for item in new[:_SHOWN]:
        suggestion = f" [{item.entry.suggestion}]" if item.entry.suggestion else ""
        _say(console, f"{item.id:>6} {_clipped(item.entry.example.text)}{_clipped(suggestion)}")
        _say(console, f"       {_clipped(item.entry.why)}", "dim")
    if len(new) > _SHOWN:
        _say(console, f"       and {len(new) - _SHOWN:,} more", "dim")


def _show_standing(console: "Console", found: "Standing") -> None:
    from rich.table import Table

    for purpose, states in found.states.items():
        stand = ", ".join(f"{n:,} {state}" for state, n in states.items())
        _say(console, f"{purpose.replace('_', ' ')}: {stand}")
    if not found.states:
        _say(console, "The queue is empty: tailorbird label next fills it.")
        return
    table = Table(box=None, header_style="bold")
    for title in ("annotator", "labelled", "cannot tell", "skipped", "s, median", "controls right"):
        table.add_column(title, justify="left" if title == "annotator" else "right")
    for one in found.annotators:
        seconds = "" if one.seconds is None else f"{one.seconds.value:.1f}"
        right = "" if one.controls is None else f"{_range(one.controls, 100)} % of {one.controls.n}"
        counts = (one.labelled, one.cannot_tell, one.skipped)
        table.add_row(one.name, *(f"{n:,}" for n in counts), seconds, right)
    if found.annotators:
        console.print(table)
    if found.alpha is not None:
        items = f"{counted(found.alpha.units, 'item')} with two labels or more"
        _say(console, f"Krippendorff's alpha {_range(found.alpha)}, {items}")
    for a, b, kappa in found.kappas if len(found.annotators) > 2 else ():
        _say(console, f"  Cohen's kappa of {a} and {b} {_range(kappa)}, {counted(kappa.n, 'item')}")
    if found.ceiling is not None:
        low, high = 100 * found.ceiling.low, 100 * found.ceiling.high
        _say(console, f"By these labels, nothing can be right more than {low:.0f} to {high:.0f} %.")


def _range(estimate: Any, times: int = 1) -> str:
    digits = 0 if times == 100 else 2
    value, low, high = (times * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _show_disputed(console: "Console", waiting: "list[Item]") -> None:
    for item in waiting:
        _say(console, f"{item.id:>6} {_clipped(item.entry.example.text)}", "bold")
        said = (f"{a.annotator}: {a.label or 'cannot tell'}" for a in item.answers)
        _say(console, f"       {_clipped('; '.join(said), 200)}")
    _say(console, f"{counted(len(waiting), 'item waits', 'items wait')} for a decision.")


def _show_taken(console: "Console", taken: "Taken", file: Path, study: Path, task: "Task") -> None:
    _say(console, f"{counted(taken.rows, 'row')} in {file}, {taken.new:,} of them new")
    for reason, n in taken.left_out.items():
        _say(console, f"  {n:,} left out: {reason}")
    if taken.confirmed or taken.corrected:
        confirmed = counted(taken.confirmed, "label")
        _say(console, f"{confirmed} confirmed, {taken.corrected:,} corrected")
    if taken.step is not None:
        back = command_line("mend", study, "--undo", taken.step)
        _say(console, f"  take it back: {back}", "dim")
    if task.spec.data.all:
        command = command_line("split", study)
        _say(
            console,
            "This task cuts its splits from one pool, and chosen rows in test would make it harder "
            f"than life. {command} gives train, dev and test files of their own: then name "
            f"{file.name} under data.train.",
            "yellow",
        )
    elif taken.rows and not any(Path(f.path).name == file.name for f in task.spec.data.train):
        _say(console, f"Name {file.name} under data.train, and climb again.")
