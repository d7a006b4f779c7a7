"""What every runner hands back."""

import json
import resource
import time
from pathlib import Path
from typing import Any


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def report(self, job: dict[str, Any], copies: dict[str, str]) -> None:
        """Print what it took (Linux: memory in KiB), and write the rows that were found."""
        taken = {
            "seconds": time.perf_counter() - self.wall,
            "cpu_seconds": time.process_time() - self.cpu,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        Path(job["out"]).write_text(json.dumps(copies), encoding="utf-8")
        print(f"RESULT {json.dumps(taken)}")
