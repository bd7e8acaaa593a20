"""Examines a run while it is written, in a process of its own, and says each new finding once.

    python -m diagnostics.attendant runs/digits

One line of JSON a finding, until the run has ended or nobody listens any more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from diagnostics.doctor import examine
from diagnostics.finding import Finding
from diagnostics.run import FathomError, Run

PAUSE = 2.0  # seconds: as often as the scribe writes while somebody looks
IDLE = 10.0  # times as long as an examination took; it shares the machine with the training


def attend(folder: Path) -> Iterator[Finding]:
    """Each finding when it is first made; the last examination is of the whole run."""
    told: set[str] = set()
    parent = os.getppid()
    run = Run(folder)
    while os.getppid() == parent:
        over = run.state != "running"
        run.watch()
        began = time.monotonic()
        if run.refresh() or over:
            for finding in examine(run).findings:
                if finding.disease not in told:
                    told.add(finding.disease)
                    yield finding
        if over:
            return
        time.sleep(max(PAUSE, IDLE * (time.monotonic() - began)))


def main(folder: Path) -> None:
    try:
        for finding in attend(folder):
            print(json.dumps(asdict(finding)), flush=True)
    except (FathomError, OSError):  # the run is gone, or whoever listened
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
