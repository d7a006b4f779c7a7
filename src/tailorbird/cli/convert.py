"""Rows of one format to rows of another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import AsJson, Quiet, parse_overrides, print_json, tell
from tailorbird.words import counted

if TYPE_CHECKING:
    from tailorbird.data.convert import Conversion, Converted
    from tailorbird.task.task import Columns

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird convert chats.jsonl chats.parquet --to sharegpt:user\n\n"
    "tailorbird convert calls.jsonl openai.jsonl --to messages --from log --without further\n\n"
    "tailorbird convert LLaMA-Factory/data/dataset_info.json out.jsonl --key orders --to converse "
    "--without id\n\n"
    "tailorbird convert faq.csv faq.jsonl --to messages --columns input=question,target=answer\n\n"
    "tailorbird convert orders.jsonl rl.parquet --to verl --with data_source=orders"
)


def command(
    source: Annotated[
        str, typer.Argument(help="A file, hub://owner/name, or a dataset_info.json with --key.")
    ],
    out: Annotated[
        Path, typer.Argument(help="A .jsonl, .json, .csv, .tsv (each with .gz) or .parquet file.")
    ],
    to: Annotated[str, typer.Option(help="A format of docs/data.md, or FORMAT:DIALECT.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="The format; default: each row is recognised.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Which column holds what, as data.columns: input=NAME,target=NAME."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The list in a .json file, the split of a hub dataset, or a data set."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out what cannot be held: a column, or a word of docs/data.md."),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Add a column where a row has none: --with data_source=mail"),
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Describe the file in this dataset_info.json as well.")
    ] = None,
    for_spreadsheets: Annotated[
        bool, typer.Option(help="Put an apostrophe before cells of tables that look like formulas.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Convert rows between formats; what a format cannot hold is refused by name, never lost."""
    from tailorbird.data.convert import Conversion, convert
    from tailorbird.data.interchange import Target
    from tailorbird.errors import DataError
    from tailorbird.progress import progress

    if out.exists() and not overwrite:
        raise DataError(f"{out} exists already", hint="name another file, or add --overwrite")
    conversion = Conversion(
        source, out, Target.parse(to), from_, _columns(columns), key, tuple(without or ()),
        parse_overrides(with_, "--with"), registry, for_spreadsheets,
    )  # fmt: skip
    with progress("rows", None, quiet or json) as tick:
        done = convert(conversion, tick)
    if json:
        print_json(done.to_json())
    elif not quiet:
        _print(conversion, done)


def _columns(text: str | None) -> "Columns | None":
    """`input=question,target=answer`; a key without a name says that there is no such column."""
    import re

    from tailorbird.errors import TaskError
    from tailorbird.task.strict import parse
    from tailorbird.task.task import Columns

    if text is None:
        return None
    pairs = [pair.partition("=") for pair in re.split(r",(?=\s*\w+\s*=)", text)]
    if not all(sign for _, sign, _ in pairs):
        raise TaskError("--columns takes key=name,key=name", hint="input=question,target=answer")
    named: dict[str, str | None] = {}
    for key, name in ((k.strip(), n.strip()) for k, _, n in pairs):
        if key in named:
            raise TaskError(
                f'--columns names {key} twice, "{named[key] or ""}" and "{name}"',
                hint="one column for each key",
            )
        named[key] = name or None
    if "fields" in named:
        raise TaskError("--columns takes no fields", hint="leave it out: all other columns stay")
    return parse(Columns, named, "--columns")


def _print(conversion: "Conversion", done: "Converted") -> None:
    found = ", ".join(f"{n:,} {name}" for name, n in done.formats.most_common())
    lines = [f"read as {found}", *done.account.lines()]
    if done.could:
        lines.append(f"what could not be held may be left out: {done.advice}")
    lines += [f'no row had "{name}" to leave out' for name in done.idle]
    tell(lines)
    print(f"wrote {counted(done.account.kept, 'row')} to {conversion.out}")
