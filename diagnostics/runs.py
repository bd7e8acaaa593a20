"""The runs of a folder tree, and what is known of each without opening its recording."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.folder import FORMAT, RUN, SUMMARY, VERSION, RunError, is_held, of_rank, read_json


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
    for path in sorted({file.parent for file in root.rglob(RUN)}):
        with contextlib.suppress(RunError):
            found.append(_summarised(root, path))
    return sorted(found, key=lambda run: run.started, reverse=True)


def _summarised(root: Path, path: Path) -> RunSummary:
    info, summary = read_info(path), read_summary(path)
    return RunSummary(
        path,
        path.resolve().name if path == root else path.relative_to(root).as_posix(),
        state_of(path, summary),
        int(summary.get("steps", 0)),
        str(info.get("started", "")),
        float(summary.get("updated", 0.0)),
    )


def read_info(path: Path) -> dict[str, Any]:
    """What was known at a run's start; refuses what is no run or of a newer format."""
    info = read_json(path / RUN)
    version = info.get("version")
    if info.get("format") != FORMAT or not isinstance(version, int):
        raise RunError(f"'{path}' has a {RUN} that is not Fathom's.")
    if version > VERSION:
        raise RunError(
            f"'{path}' has format {version}; this Fathom reads up to {VERSION}. "
            "Upgrade it: pip install -U torch-fathom"
        )
    return info


def state_of(path: Path, summary: dict[str, Any]) -> str:
    """running, finished, failed (an exception ended it) or killed (it ended without a word)."""
    state = str(summary.get("state", "running"))
    return "killed" if state == "running" and not is_held(path) else state


def read_summary(path: Path, rank: int = 0) -> dict[str, Any]:
    """Fresh lines of a run; a young or damaged one has none."""
    try:
        found = read_json(of_rank(path / SUMMARY, rank))
    except RunError:
        return {}
    return {key: value for key, value in found.items() if _is_sound(key, value)}


def _is_sound(key: str, value: Any) -> bool:
    """Numbers are numbers, whatever stands in the file."""
    if key in ("steps", "records", "dropped", "updated", "overhead"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return True
