"""The engine of `tailorbird check FILE`: job {file, out, scratch, checks}."""

import json
import sys
from pathlib import Path

from report import Clock

from tailorbird.data.doctor.examine import examine_file


def main() -> None:
    job = json.loads(sys.argv[1])
    clock = Clock()
    found = examine_file(Path(job["file"]), Path(job["scratch"]), only=job["checks"], quiet=True)
    copies = {
        row: "near" if f.details["likeness"] == "near" else "equal"
        for f in found.findings
        if f.check == "duplicates" and f.remedy is not None
        for row in f.remedy.changes
    }
    clock.report(job, copies)


if __name__ == "__main__":
    main()
