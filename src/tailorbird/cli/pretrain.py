"""Make fledgling, the embedded base model, from nothing."""

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli.options import Quiet

EXAMPLES = "Example: tailorbird pretrain build/fledgling --data-folder ../data --tokens 8e6"


def command(
    out: Annotated[Path, typer.Argument(help="Where to write the model.")],
    data_folder: Annotated[
        Path | None, typer.Option("--data-folder", "-d", help="Real text; without it, none.")
    ] = None,
    tokens: Annotated[float, typer.Option(help="How many tokens to train on.")] = 8e6,
    seed: Annotated[int, typer.Option(help="Of data, weights and order.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Pre-train fledgling, the embedded base model, by its recipe. Resumes when killed."""
    from tailorbird.models.fledgling.pretrain import pretrain

    for report in pretrain(out, data_folder, tokens, seed, quiet):
        print(f"{report.steps} steps, {report.seconds:.0f} s, loss {report.loss:.3f}")
    print(f"wrote {out}")
