"""What lies between the weights of a run and those of another, or of another step; stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diagnostics.active.wish import Wish, subject_of
from diagnostics.mode_connectivity import ModeConnectivity, Search, mode_connectivity
from diagnostics.run import Run
from diagnostics.store import check_writable, key_part, save
from probes.folder import FathomError


def connectivity_of(
    run: Run, wish: Wish, other: Path, step: int | None, search: Search
) -> ModeConnectivity:
    """From a snapshot of the run to one of another (by default its last), by this run's loss."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    there = subject.at(other, step)
    name = f"step {there.about.step} of {there.about.run}"
    if np.array_equal(subject.array(subject.centre), subject.array(there.centre)):
        raise FathomError(
            f"nothing lies between: the weights of {name} are the very same; give another run, or "
            "another step."
        )
    found = mode_connectivity(subject, there.centre, name, search)
    save(run.path, found, connectivity_key(found))
    return found


def connectivity_key(found: ModeConnectivity) -> str:
    statistics = found.about.statistics.replace("-", "")
    return f"{key_part(found.other)}_from{found.about.step}_{statistics}"
