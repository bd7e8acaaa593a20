"""Before anyone comes: what the first page of the latest run needs is loaded and drawn once."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread

from dashboard.open_runs import OpenRuns
from dashboard.panel import recorded_panels


def warm(runs: OpenRuns) -> Thread:
    """Beside the server, which answers meanwhile."""
    thread = Thread(target=_read_latest, args=(runs,), daemon=True)
    thread.start()
    return thread


def _read_latest(runs: OpenRuns) -> None:
    with suppress(Exception):  # whoever comes first is told what is wrong
        name = runs.latest()
        for panel in recorded_panels() if name else ():
            if panel.chapter == "overview":
                panel.draw(runs.result(runs.look(name or ""), panel))
