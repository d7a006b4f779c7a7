"""MLflow: a file beside the climbs, or any server.

Per climb a run, per rung a run nested in it. Of MLflow only the client is used, so its small
distribution (mlflow-skinny) is enough; its pages are shown by `mlflow ui` of the whole one.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tailorbird.errors import TaskError
from tailorbird.extras import need
from tailorbird.store import digest
from tailorbird.track.base import ClimbRecord, DataRecord, Memory, RunRecord

_CONTEXT = {"train": "training", "dev": "validation", "test": "evaluation"}
_PATIENCE = {
    # A server that is away must not hold the climb for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # What is recorded here is nobody else's business.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_LONGEST = 5_000
"""Characters of a parameter or tag: MLflow takes 6,000."""
_BATCH = 100
"""Parameters or tags in one request, as MLflow allows."""


@dataclass(frozen=True)
class Mlflow:
    """Records climbs in MLflow."""

    uri: str | None = None
    """Any tracking URI; default: MLFLOW_TRACKING_URI, else `mlflow.db` beside the climb's folder.
    Without a password: this is written to the run folder."""
    experiment: str | None = None
    """Default: the task's name."""

    def __post_init__(self) -> None:
        if self.uri and urlsplit(self.uri).password:
            raise TaskError(
                "the tracking URI holds a password, and would be written to the run folder",
                hint="set it in the environment as MLFLOW_TRACKING_URI",
            )

    def record(self, climb: ClimbRecord, memory: Path) -> str:
        """Write what is not there yet. Raises MLflow's errors."""
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or _beside(climb.folder)
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        mlflow = need("mlflow")
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table it makes
        session = _Session(
            mlflow, mlflow.MlflowClient(uri), Memory(memory, f"mlflow {digest(uri)[:16]}")
        )
        experiment = session.experiment(self.experiment or climb.task, _artifacts(uri))
        parent = session.write(climb.climb, experiment, climb.data)
        for rung in climb.rungs:
            session.write(rung, experiment, climb.data, parent)
        return f"MLflow, {_without_password(uri)}"


TRACKER = Mlflow


def _beside(folder: Path) -> str:
    return f"sqlite:///{folder.resolve().parent / 'mlflow.db'}"


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":...@") if parts.password else uri


def _artifacts(uri: str) -> str | None:
    """A folder beside the database file; a server knows its own place."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()


@dataclass(frozen=True)
class _Session:
    mlflow: Any
    client: Any
    memory: Memory

    def experiment(self, name: str, artifacts: str | None) -> str:
        """The id of the experiment called `name`, made where there is none."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        where = artifacts and f"{artifacts}/{name}"
        return str(self.client.create_experiment(name, artifact_location=where))

    def write(
        self,
        record: RunRecord,
        experiment: str,
        data: tuple[DataRecord, ...],
        parent: str | None = None,
    ) -> str:
        """The run that holds `record` now."""
        known = self._known(record)
        if known and self.memory.holds(record):
            return known
        run = known or self._begin(record, experiment, data, parent)
        self.memory.keep(record, run, whole=False)
        moment = round(1000 * record.ended)
        entities = self.mlflow.entities
        self.client.log_batch(
            run, metrics=[entities.Metric(k, v, moment, 0) for k, v in record.metrics.items()]
        )
        tags = [entities.RunTag(_key(k), v[:_LONGEST]) for k, v in record.tags.items()]
        for batch in _batches(tags):
            self.client.log_batch(run, tags=batch)
        for file in record.files:
            self.client.log_artifact(run, str(file))
        self.client.set_terminated(run, end_time=moment)
        self.memory.keep(record, run)
        return run

    def _known(self, record: RunRecord) -> str | None:
        """The run of an earlier time, if it is still there."""
        run = self.memory.run(record)
        if run is None:
            return None
        try:
            stage = self.client.get_run(run).info.lifecycle_stage
        except self.mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return run if stage == "active" else None

    def _begin(
        self,
        record: RunRecord,
        experiment: str,
        data: tuple[DataRecord, ...],
        parent: str | None,
    ) -> str:
        nested = {"mlflow.parentRunId": parent} if parent else {}
        made = self.client.create_run(
            experiment, start_time=round(1000 * record.begun), tags=nested, run_name=record.name
        )
        run = str(made.info.run_id)
        entities = self.mlflow.entities
        parameters = [entities.Param(k, str(v)[:_LONGEST]) for k, v in record.parameters.items()]
        for batch in _batches(parameters):
            self.client.log_batch(run, params=batch)
        self.client.log_inputs(run, datasets=[self._dataset(d) for d in data])
        return run

    def _dataset(self, data: DataRecord) -> Any:
        entities = self.mlflow.entities
        dataset = entities.Dataset(
            name=data.name,
            digest=data.digest[:36],  # all that MLflow keeps
            source_type="local",
            source=json.dumps({"uri": ", ".join(data.sources)}),
            profile=json.dumps({"num_rows": data.rows, "sha256": data.digest}),
        )
        context = _CONTEXT.get(data.name, data.name)
        return entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", context)])


def _key(tag: str) -> str:
    """`said` is what MLflow shows as the run's description."""
    return "mlflow.note.content" if tag == "said" else f"tailorbird.{tag}"


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    return (items[i : i + _BATCH] for i in range(0, len(items), _BATCH))
