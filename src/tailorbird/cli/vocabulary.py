"""Whether a model's tokenizer fits a domain, and new tokens for it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Overrides,
    Quiet,
    load,
    parse_overrides,
    print_json,
)

if TYPE_CHECKING:
    from tailorbird.train.extend import Extended
    from tailorbird.train.vocabulary import Corpus, Report

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird vocabulary report studies/insurance-email\n\n"
    "tailorbird vocabulary report handbook.txt --model Qwen/Qwen3-0.6B --add 1000\n\n"
    "tailorbird vocabulary extend studies/insurance-email --add 500 --out models/insurance"
)


def command(
    action: Annotated[
        Literal["report", "extend"], typer.Argument(help="Measure, or write an extended model.")
    ],
    study: Annotated[
        Path, typer.Argument(help="A task.yaml or its folder; or a text file, or a folder of them.")
    ],
    data_folder: DataFolder = None,
    model: Annotated[
        str | None,
        typer.Option(help="fledgling, a hub id or a folder; default: the task's, or fledgling."),
    ] = None,
    add: Annotated[int, typer.Option(min=0, help="How many new tokens.")] = 500,
    general: Annotated[
        Path | None, typer.Option(help="report: general text to compare with, a file or folder.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="extend: where to write the model.")] = None,
    start: Annotated[
        Literal["pieces", "mean", "random"],
        typer.Option(help="extend: what the rows of new tokens start from."),
    ] = "pieces",
    epochs: Annotated[
        float, typer.Option(min=0, help="extend: passes of pre-training over the text; 0: none.")
    ] = 1.0,
    learning_rate: Annotated[float, typer.Option(help="extend: of the pre-training.")] = 5e-4,
    seed: Annotated[int, typer.Option(help="extend: of what is held out, and of training.")] = 0,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """See how a tokenizer cuts a domain's words; add new tokens to a model. Resumes when killed."""
    from dataclasses import asdict

    from tailorbird.errors import TaskError
    from tailorbird.words import quoted

    if action == "extend" and out is None:
        raise TaskError("extend writes a model", hint="name its folder with --out")
    silent = quiet or json
    corpus, named = _corpus(study, data_folder, parse_overrides(set_), silent)
    model = model or named
    done: Report | Extended
    if action == "report":
        done = _report(model, corpus, add, general, silent)
        lines = _said_of_report(done)
    else:
        from tailorbird.train.extend import Plan, extend

        assert out is not None
        plan = Plan(model, add, start, epochs=epochs, learning_rate=learning_rate, seed=seed)
        done = extend(plan, corpus, out, silent)
        lines = [*_said_of_extension(done), f"wrote {out}; use it with {quoted('--model', out)}"]
    if json:
        print_json(asdict(done))
    elif not quiet:
        print("\n".join(lines))


def _corpus(
    study: Path, data_folder: Path | None, overrides: dict[str, Any], quiet: bool
) -> tuple["Corpus", str]:
    """Texts by part, and the model that the task names."""
    from tailorbird.train.vocabulary import corpus_of, read_texts

    if study.suffix in (".yaml", ".yml") or (study / "task.yaml").is_file():
        task = load(study, data_folder, overrides, quiet)
        return corpus_of(task), task.spec.model
    return {"texts": read_texts(study)}, "fledgling"


def _report(model: str, corpus: "Corpus", add: int, general: Path | None, quiet: bool) -> "Report":
    from tailorbird.errors import ModelError
    from tailorbird.models.files import is_endpoint
    from tailorbird.models.local import load_tokenizer
    from tailorbird.progress import progress
    from tailorbird.train.vocabulary import read_texts, report

    if is_endpoint(model):
        raise ModelError(
            f"the tokenizer of {model} cannot be seen",
            hint="name the model's hub id or folder with --model",
        )
    sample = read_texts(general) if general else []
    with progress("reading", sum(map(len, corpus.values())), quiet) as tick:
        return report(model, load_tokenizer(model), corpus, add, sample, tick)


# ---- in words --------------------------------------------------------------------------------


def _said_of_report(done: "Report") -> list[str]:
    heads = ["", "this text"] + (["general text"] if done.general else [])
    fits = [done.domain] + ([done.general] if done.general else [])
    rows = [heads, *([name, *(form(f) for f in fits)] for name, form in _ROWS)]
    lines = [f"{row[0]:<26}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
    if done.domain.costly:
        lines += ["", "words that cost most tokens beyond one (occurrences, tokens each):"]
        lines += [f"  {c.word}  {c.count:,} x {c.pieces:.1f}" for c in done.domain.costly[:10]]
    if done.saving is not None and done.saving.tokens:
        saved = done.saving
        lines += ["", f"{len(saved.tokens)} new tokens would save:"]
        lines += [
            f"  {part:<12} {saved.before[part]:>12,} -> {saved.after[part]:>12,} tokens,"
            f" {saved.share(part):.1%}"
            for part in saved.before
        ]
        if saved.fresh is not None:
            lines.append(f"  on a tenth of the texts, chosen from the others: {saved.fresh:.1%}")
        lines.append("  the first: " + ", ".join(t.shown.strip() for t in saved.tokens[:12]))
    return [*lines, "", f"{'Extend' if done.extend else 'Do not extend'}: {done.reason}."]


_ROWS: tuple[tuple[str, Any], ...] = (
    ("texts", lambda f: f"{f.texts:,}"),
    ("characters", lambda f: f"{f.characters:,}"),
    ("tokens", lambda f: f"{f.tokens:,}"),
    ("tokens per word", lambda f: f"{f.tokens_per_word:.2f}"),
    ("characters per token", lambda f: f"{f.characters_per_token:.2f}"),
    ("words in 3 pieces or more", lambda f: f"{f.in_three:.1%}"),
    ("words in 4 pieces or more", lambda f: f"{f.in_four:.1%}"),
    ("unknown tokens", lambda f: f"{f.unknown:.2%}"),
    ("parts of characters", lambda f: f"{f.bytes:.2%}"),
)
"""What is said of a `Fit`."""


def _said_of_extension(done: "Extended") -> list[str]:
    lines = [f"{done.tokens} new tokens"]
    if done.before is None or done.grown is None:
        return [*lines, "no text was held out, so nothing was measured"]
    saved = 1 - done.tokens_after / max(1, done.tokens_before)
    lines += [
        f"on {done.held_out} texts held out: {done.tokens_before:,} -> {done.tokens_after:,} tokens"
        f" ({saved:.1%} saved)",
        f"bits per byte as it was: {done.before:.3f}; extended: {done.grown:.3f}",
    ]
    if done.trained is not None:
        lines.append(f"after {done.seconds:.0f} s of pre-training: {done.trained:.3f}")
    return lines
