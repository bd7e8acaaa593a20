"""Examines the runs named to it, one after the other, in a process of its own and of low priority.

    python -m diagnostics.examiner

A folder a line comes in, a line of JSON goes out for each. It ends when nobody asks any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from diagnostics.doctor import Examination, examine
from diagnostics.listing import Listing, Told, keep, stamp
from diagnostics.run import FathomError, Run
from probes.highlights import Highlights

LOWEST = 19  # of priorities: the training itself, and whoever looks at a page, come first


def examined(folder: Path) -> Listing:
    """What is wrong with a run's files is told, and never raised."""
    try:
        run = Run(folder)
        listing = _listing(run, examine(run))
    except FathomError as error:
        return Listing("", trouble=str(error))
    except Exception as error:  # one run never takes the others' verdicts down
        return Listing("", trouble=f"{type(error).__name__}: {error}")
    if run.state != "running":
        keep(folder, listing)
    return listing


def _listing(run: Run, examination: Examination) -> Listing:
    """Causes alone: what a cause brings is told on the run's own page."""
    causes = [found for found in examination.findings if not found.because_of]
    return Listing(
        stamp=stamp(run.summary),
        verdicts=tuple(Told(e.disease, e.severity) for e in (*causes, *examination.hints)),
        looked=len(examination.passed),
        highlights=_highlights(run),
    )


def _highlights(run: Run) -> dict[str, Any]:
    """As the scribe writes them today; it did not always."""
    if "outlines" in run.summary:
        return {}
    highlights = Highlights()
    for name in run.logged:
        scalar = run.scalar(name)
        highlights.follow(name, scalar.steps, scalar.values)
    return highlights.told()


def main() -> None:
    with contextlib.suppress(OSError):
        os.nice(LOWEST)
    asked: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    while True:
        print(json.dumps(asdict(examined(Path(asked.get())))), flush=True)


def _listen(asked: SimpleQueue[str]) -> None:
    """Nothing outlives whoever asks, not even an examination under way."""
    for line in sys.stdin:
        asked.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main()
