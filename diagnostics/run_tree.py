"""Finds the run folders of a tree, and looks again only into those folders that have changed.

A run is a folder with a run.json; what is inside it is its own and not searched. Links are not
followed: what they lead to inside the tree is found there by its own name, and what lies outside
is not to be shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from probes.folder import RUN

SETTLED = 2_000_000_000  # nanoseconds after which a folder's time of change is to be trusted


@dataclass(frozen=True)
class _Looked:
    """What was seen in a folder."""

    changed: int  # its time of change then; -1: too young to be trusted
    is_run: bool
    inside: tuple[str, ...]  # folders, as paths


class RunTree:
    """Whoever asks twice pays once."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.fspath(root)
        self._looked: dict[str, _Looked] = {}

    def folders(self) -> list[str]:
        """Every run's folder as it is now, in no order that means anything."""
        before, self._looked = self._looked, {}
        return list(self._walk(before))

    def _walk(self, before: dict[str, _Looked]) -> Iterator[str]:
        waiting = [self._root]
        while waiting:
            path = waiting.pop()
            looked = _still(path, before.get(path)) or _look(path)
            if looked is None:
                continue
            self._looked[path] = looked
            waiting += looked.inside
            if looked.is_run:
                yield path


def _still(path: str, known: _Looked | None) -> _Looked | None:
    """What is known, if it still holds. A run's folder is its reader's business."""
    if known is None or known.is_run:
        return known
    try:
        return known if _changed(path) == known.changed else None
    except OSError:
        return None


def _look(path: str) -> _Looked | None:
    try:
        changed = _changed(path)
        with os.scandir(path) as entries:
            found = list(entries)
    except OSError:  # gone, or not to be read
        return None
    if any(entry.name == RUN for entry in found):
        return _Looked(changed, is_run=True, inside=())
    is_old = time.time_ns() - changed > SETTLED
    inside = tuple(entry.path for entry in found if _is_folder(entry))
    return _Looked(changed if is_old else -1, is_run=False, inside=inside)


def _changed(path: str) -> int:
    return os.stat(path).st_mtime_ns  # noqa: PTH116  (no Path for each of thousands)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    except OSError:
        return False
