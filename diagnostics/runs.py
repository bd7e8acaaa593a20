"""The runs of a folder tree, and what is known of each without opening its recording."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnostics.run_tree import RunTree
from diagnostics.sound_json import sound
from probes.folder import FORMAT, RUN, SUMMARY, VERSION, RunError, is_held, of_rank, read_json

STALE = 120.0  # seconds without news after which a live run may hang …
SLOW = 10.0  # … unless its steps take so long: times their mean


class ForeignError(RunError):
    """A folder of another program's that happens to hold a run.json."""


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows, read without opening the recording."""

    path: Path
    name: str  # relative to the folder that was searched
    state: str
    steps: int
    started: str
    updated: float


def find_runs(root: str | os.PathLike[str]) -> list[RunSummary]:
    """All runs in a folder tree, newest first; the folder itself may be one."""
    root = Path(root)
    found = []
    for folder in sorted(RunTree(root).folders()):
        with contextlib.suppress(RunError):
            found.append(_summarised(root, Path(folder)))
    return sorted(found, key=lambda run: run.started, reverse=True)


def _summarised(root: Path, path: Path) -> RunSummary:
    info, summary = read_info(path), read_summary(path)
    return RunSummary(
        path,
        name_under(root, path),
        state_of(path, summary),
        int(summary.get("steps", 0)),
        str(info.get("started", "")),
        float(summary.get("updated", 0.0)),
    )


def name_under(root: Path, path: Path) -> str:
    """A run's name in the tree that was searched."""
    return path.resolve().name if path == root else path.relative_to(root).as_posix()


def read_info(path: Path) -> dict[str, Any]:
    """What was known at a run's start; refuses what is no run or of a newer format."""
    info = read_json(path / RUN)
    version = info.get("version")
    if info.get("format") != FORMAT or not isinstance(version, int):
        raise ForeignError(f"'{path}' has a {RUN} that is not Fathom's.")
    if version > VERSION:
        raise RunError(
            f"'{path}' has format {version}; this Fathom reads up to {VERSION}. "
            "Upgrade it: pip install -U torch-fathom"
        )
    return sound(info)


def state_of(path: Path, summary: dict[str, Any]) -> str:
    """running, finished, failed (an exception ended it) or killed (it ended without a word)."""
    state = str(summary.get("state", "running"))
    return "killed" if state == "running" and not is_held(path) else state


def is_stale(summary: dict[str, Any], began: float, now: float) -> bool:
    """Has a run that says it is live had nothing new for longer than it ever takes?"""
    updated = float(summary.get("updated", 0.0))
    each = (updated - began) / max(1, int(summary.get("steps", 0)))
    return updated > 0 and now - updated > max(STALE, SLOW * each)


def read_summary(path: Path, rank: int = 0) -> dict[str, Any]:
    """Fresh lines of a run; a young or damaged one has none."""
    try:
        found = read_json(of_rank(path / SUMMARY, rank))
    except RunError:
        return {}
    return sound(found)
