"""Make fledgling, the embedded base model, from nothing or from an earlier one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli.options import Quiet


class Size(StrEnum):
    """The sizes of `models/fledgling/pretrain.py`."""

    SMALL = "small"
    LARGE = "large"


EXAMPLES = "Example: tailorbird pretrain build/fledgling --data-folder ../data"


def command(
    out: Annotated[Path, typer.Argument(help="Where to write the model.")],
    data_folder: Annotated[
        Path | None, typer.Option("--data-folder", "-d", help="Real text; without it, none.")
    ] = None,
    tokens: Annotated[
        float | None, typer.Option(help="How many tokens to train on; by default as the size says.")
    ] = None,
    size: Annotated[
        Size | None, typer.Option(help="small for a CPU, large for a GPU; by default as found.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of data, weights and order.")] = 0,
    start: Annotated[
        Path | None, typer.Option(help="Go on from this model; give another --seed with it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Pre-train fledgling, the embedded base model, by its recipe. Resumes when killed."""
    from tailorbird.models.fledgling.pretrain import pretrain

    known = size.value if size else None
    for report in pretrain(out, data_folder, tokens, known, seed, quiet, start):  # type: ignore[arg-type]
        print(
            f"{report.steps} steps, {report.seconds:.0f} s, loss {report.loss:.3f}; "
            f"{report.tokens_per_second:,.0f} tokens/s, {report.utilisation or 0:.0%} of the "
            "matrix-product rate of this machine"
        )
    print(f"wrote {out}")
