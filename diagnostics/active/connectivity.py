"""What lies between the weights of a run and those of another, or of another step; stored."""

from __future__ import annotations

import re
from pathlib import Path

from diagnostics.active.wish import Wish, subject_of
from diagnostics.mode_connectivity import ModeConnectivity, Search, mode_connectivity
from diagnostics.run import Run
from diagnostics.store import check_writable, save


def connectivity_of(
    run: Run, wish: Wish, other: Path, step: int | None, search: Search
) -> ModeConnectivity:
    """From a snapshot of the run to one of another (by default its last), by this run's loss."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    there = subject.at(other, step)
    name = f"step {there.about.step} of {there.about.run}"
    found = mode_connectivity(subject, there.centre, name, search)
    save(run.path, found, connectivity_key(found))
    return found


def connectivity_key(found: ModeConnectivity) -> str:
    other = re.sub(r"[^A-Za-z0-9.]", "", found.other)[:60]
    return f"{other}_from{found.about.step}_{found.about.statistics.replace('-', '')}"
