"""The report of a finished climb, from what its folder holds: written once more at any time."""

from pathlib import Path

from tailorbird.auditing import read_audits
from tailorbird.decide.verdict import Verdict, decide
from tailorbird.errors import StoreError
from tailorbird.evaluate.evidence import read_evidence
from tailorbird.evaluate.report import write_report
from tailorbird.evaluate.results import Results
from tailorbird.evaluate.run import read_answers
from tailorbird.evaluate.slices import Slices, worst_slices
from tailorbird.run_folder import Climbed, read_results, slug
from tailorbird.store import read_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.check import check_benchmark
from tailorbird.task.task import folder_of


def load_climbed_task(
    out: Path, study: Path | None = None, data_folder: Path | None = None
) -> Task:
    """The task of the climb in `out`, with its data, from where they were then or are now.

    Raises `StoreError` where there is no finished climb or no study, and `DataError` or
    `TaskError` as `load_task` does.
    """
    _, spec, _ = read_results(out)
    manifest = read_json(out / "manifest.json")
    if study is None and manifest.get("study") is None:
        raise StoreError(f"{out} does not say where its task is", hint="name it by --study")
    folder = study if study is not None else out / manifest["study"]
    if not folder.exists():
        raise StoreError(
            f"the task of {out} is no longer at {folder}", hint="name its place by --study"
        )
    known = manifest.get("data_folder")
    data = data_folder or (out / known if known else None)
    return load_task(spec, folder_of(folder).resolve(), data.resolve() if data else None)


def rebuild_report(task: Task, out: Path) -> Path:
    """Write `report.html` of the climb in `out` again, with the audits that were made since.

    Raises `StoreError` where the climb is not of this task.
    """
    return report_climb(task, out, read_climbed(task, out))


def read_climbed(task: Task, out: Path) -> Climbed:
    """What the climb in `out` found. Raises `StoreError` where it is not of this task."""
    results, spec, failures = read_results(out)
    if results.digest != task.digest:
        raise StoreError(
            f"the climb in {out} was made with another task file, other data or other documents",
            hint="name the study that it was made with, or climb again",
        )
    answers = {r.name: read_answers(out / "rungs" / slug(r.name), task) for r in results.rungs}
    findings = tuple(check_benchmark(task))
    return Climbed(results, decide(results, spec), answers, failures, findings)


def report_climb(task: Task, out: Path, climbed: Climbed) -> Path:
    """Write the report of a climb that was just judged."""
    path, names = out / "report.html", [r.name for r in climbed.results.rungs]
    folders = {name: out / "rungs" / slug(name) for name in names}
    write_report(
        path, task, climbed.results, climbed.verdict, climbed.predictions,
        _slices(task, climbed.results, climbed.verdict),
        climbed.failures, [f.text for f in climbed.findings],
        audits=read_audits(out, names),
        curves=[read_json(file) for file in sorted(out.glob("curve/*/curve.json"))],
        evidence=read_evidence(task, out, folders),
    )  # fmt: skip
    return path


def _slices(task: Task, results: Results, verdict: Verdict) -> Slices | None:
    """Where the rung that is enough, or else the best one, is weakest."""
    name = verdict.enough or verdict.best
    rung = next((r for r in results.rungs if r.name == name), None)
    metric = task.spec.bar.primary.metric
    if rung is None:
        return None
    higher = higher_is_better(metric)
    marks = rung.scores[metric]
    return worst_slices(task.examples("test"), marks, task.spec.seed, higher_is_better=higher)
