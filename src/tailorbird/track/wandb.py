"""Weights & Biases: a run per rung, grouped by climb, and one for the climb itself."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tailorbird.extras import need
from tailorbird.store import digest
from tailorbird.track.base import ClimbRecord, Memory, RunRecord

Mode = Literal["online", "offline"]


@dataclass(frozen=True)
class Wandb:
    """Records climbs in Weights & Biases."""

    project: str | None = None
    """Default: the task's name."""
    entity: str | None = None
    """The user or team; default: your own."""
    mode: Mode | None = None
    """Default: WANDB_MODE, else online where WANDB_API_KEY is set, else offline: what is in the
    climb's folder `wandb` can be sent later, by `wandb sync`."""

    def record(self, climb: ClimbRecord, memory: Path) -> str:
        """Write what is not there yet. Raises the errors of wandb."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        wandb, mode = need("wandb"), self._mode()
        kept = Memory(memory, f"wandb {mode} {digest([self.project, self.entity])[:16]}")
        for record in (climb.climb, *climb.rungs):
            if not kept.holds(record):
                run = self._write(wandb, mode, climb, record)
                kept.keep(record, run)
        return f"Weights & Biases, {mode if mode != 'offline' else climb.folder / 'wandb'}"

    def _mode(self) -> str:
        named = self.mode or os.environ.get("WANDB_MODE")
        return named or ("online" if os.environ.get("WANDB_API_KEY") else "offline")

    def _write(self, wandb: Any, mode: str, climb: ClimbRecord, record: RunRecord) -> str:
        whole = record is climb.climb
        data = {d.name: {"rows": d.rows, "sha256": d.digest, "sources": d.sources}
                for d in climb.data}  # fmt: skip
        run = wandb.init(
            project=self.project or climb.task,
            entity=self.entity,
            mode=mode,
            dir=str(climb.folder),
            id=digest([climb.climb.name, record.key])[:16],
            resume="allow" if mode == "online" else None,
            name=record.name,
            group=climb.climb.name,
            job_type="climb" if whole else "rung",
            notes=record.tags.get("said"),
            config={**record.parameters, "lineage": dict(record.tags), "data": data},
            reinit="create_new",
            settings=_quiet(wandb),
        )
        run.summary.update(dict(record.metrics))
        artifact = wandb.Artifact(f"{climb.climb.name}-{run.id}", "climb" if whole else "rung")
        for file in record.files:
            artifact.add_file(str(file))
        run.log_artifact(artifact)
        run.finish()
        return str(run.id)


TRACKER = Wandb


def _quiet(wandb: Any) -> Any:
    """Nothing is printed, and nothing is collected that we did not name."""
    return wandb.Settings(
        silent=True, console="off", disable_git=True, save_code=False, init_timeout=30,
        x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
        x_save_requirements=False,
    )  # fmt: skip
