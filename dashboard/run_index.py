"""The runs of a folder tree as rows, read again only where something has changed.

A run's files are written beside and renamed, so that whatever changes in it changes its folder's
time: a look at a run in which nothing happened is one `stat`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from dashboard.run_row import Known, RunRow, run_row, state_now
from diagnostics.enclosure import check_enclosed
from diagnostics.listing import Listing, read_listing, stamp
from diagnostics.run import FathomError
from diagnostics.run_tree import SETTLED, RunTree
from diagnostics.runs import ForeignError, name_under, read_info, read_summary
from diagnostics.tags import read_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE = 30.0  # seconds between two examinations of a live run …
SPARING = 20.0  # … or so many times as long as one takes: the machine is the training's


SOON = 0.3  # seconds that a list of all runs may read; of thousands the rest comes by and by
LARGE = 0.02  # seconds of looking at all runs from which on …
LEISURE = 10.0  # … as often as that nobody looks again


@dataclass
class _Entry:
    """A run, what was read of it, and when that was."""

    name: str
    path: Path
    changed: int = -1  # the folder's time of change; -1: too young to be trusted
    known: Known | None = None
    row: RunRow | None = None  # None: no run of ours, or gone
    version: int = 0
    info: tuple[int, dict[str, Any]] | None = None  # of run.json: its time of change, its content
    asked: str = ""  # the stamp that was examined last
    rested: float = 0.0  # when a live run may be examined again


class RunIndex:
    """Rows have versions, so that whoever has seen some is told only the others."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.version = 0
        self._tree = RunTree(root)
        self._entries: dict[str, _Entry] = {}  # by folder
        self._folders: dict[str, str] = {}  # by name
        self._gone: dict[str, int] = {}  # names, and the version since which
        self._rested = 0.0  # when all of many runs may be looked at again
        self._lock = RLock()

    def rows(self) -> list[RunRow]:
        """Every run as it is now, the latest first; of thousands those that are known so far."""
        with self._lock:
            self.refresh(SOON)
            return sorted(self._there(), key=lambda row: row.started, reverse=True)

    def row(self, name: str) -> RunRow:
        """One run. Only names that were found are known: a name is never taken for a path."""
        with self._lock:
            if name not in self._folders:
                self._find()
            entry = self._entries.get(self._folders.get(name, ""))
            if entry is not None:
                self._look(entry)
            if entry is None or entry.row is None:
                raise FathomError(f"no run {name!r} under {self.root}; choose one from the list")
            return entry.row

    def refresh(self, limit: float = float("inf")) -> bool:
        """Look at every run; after `limit` seconds what is left waits. Was there time for all?"""
        deadline = time.monotonic() + limit
        with self._lock:
            if time.monotonic() > self._rested:
                self._look_again()
            unread = [each for each in self._entries.values() if each.known is None]
            for done, entry in enumerate(sorted(unread, key=_changed, reverse=True)):
                if done and time.monotonic() > deadline:
                    return False
                self._look(entry)
            return True

    def _look_again(self) -> None:
        """At which runs there are, and at those that are known."""
        began = time.monotonic()
        self._find()
        for entry in self._entries.values():
            if entry.known is not None:
                self._look(entry)
        now = time.monotonic()
        self._rested = now + LEISURE * (now - began) if now - began > LARGE else 0.0

    def changed_since(self, version: int, most: int) -> tuple[list[RunRow], list[str], int]:
        """The rows that are new since then, those that went, and the version up to which."""
        with self._lock:
            new = sorted(
                (e for e in self._entries.values() if e.row and e.version > version),
                key=lambda entry: entry.version,
            )[:most]
            told = new[-1].version if len(new) == most else self.version
            gone = [name for name, since in self._gone.items() if version < since]
            return [entry.row for entry in new if entry.row], gone, told

    def unexamined(self) -> list[str]:
        """Folders whose verdicts are not known as they are now, the latest run first."""
        now = time.monotonic()
        with self._lock:
            due = [each for each in self._entries.values() if _is_due(each, now)]
        return [str(e.path) for e in sorted(due, key=lambda e: e.row.began if e.row else 0.0)[::-1]]

    def take(self, folder: str, listing: Listing, cost: float) -> None:
        """What an examination of so many seconds found; a folder may not be writable."""
        with self._lock:
            entry = self._entries.get(folder)
            if entry is None or entry.known is None:
                return
            entry.asked = listing.stamp or stamp(entry.known.summary)
            entry.rested = time.monotonic() + max(PATIENCE, SPARING * cost)
            entry.known = replace(entry.known, listing=listing)
            self._show(entry, run_row(entry.known))

    def count(self) -> int:
        """How many runs there are, read or not."""
        return sum(entry.known is None or entry.row is not None for entry in self._entries.values())

    def _there(self) -> Iterable[RunRow]:
        return (entry.row for entry in self._entries.values() if entry.row is not None)

    def _find(self) -> None:
        """Which runs there are; nothing of them is read."""
        folders = self._tree.folders()
        for folder in self._entries.keys() - set(folders):
            self._show(self._entries[folder], None)
            del self._entries[folder]
        for folder in folders:
            if folder not in self._entries:
                path = Path(folder)
                name = name_under(self.root, path).encode(errors="replace").decode()
                self._entries[folder] = _Entry(name, path)
                self._folders[name] = folder

    def _look(self, entry: _Entry) -> None:
        """Read what is new; most of the time nothing is."""
        changed = _changed(entry)
        if entry.known is None or changed != entry.changed or _is_unreadable(entry):
            is_old = time.time_ns() - changed > SETTLED
            entry.changed = changed if is_old else -1
            self._read(entry)
        elif entry.row and entry.row.state in ("running", "stale"):
            self._show(entry, replace(entry.row, state=state_now(entry.known)))

    def _read(self, entry: _Entry) -> None:
        try:
            check_enclosed(entry.path, self.root)
            entry.known = _known(entry)
            self._show(entry, run_row(entry.known))
        except ForeignError:
            self._leave_out(entry)
        except (FathomError, OSError) as error:
            if not entry.path.is_dir():
                self._leave_out(entry)
                return
            entry.known = Known(entry.name, entry.path, {}, {}, None, ())
            self._show(entry, RunRow(entry.name, entry.path, "unreadable", str(error)))

    def _leave_out(self, entry: _Entry) -> None:
        entry.known = Known(entry.name, entry.path, {}, {}, None, ())
        self._show(entry, None)

    def _show(self, entry: _Entry, row: RunRow | None) -> None:
        if row == entry.row:
            return
        self.version += 1
        entry.row, entry.version = row, self.version
        self._gone.pop(entry.name, None)
        if row is None:
            self._gone[entry.name] = self.version


def _is_unreadable(entry: _Entry) -> bool:
    """Whether that is over, its folder's time does not tell."""
    return entry.row is not None and entry.row.state == "unreadable"


def _changed(entry: _Entry) -> int:
    try:
        return entry.path.stat().st_mtime_ns
    except OSError:
        return 0


def _known(entry: _Entry) -> Known:
    """What its small files say; a listing that is out of date is better than none."""
    changed = (entry.path / "run.json").stat().st_mtime_ns
    if entry.info is None or entry.info[0] != changed:
        entry.info = (changed, read_info(entry.path))
    summary = read_summary(entry.path)
    before = entry.known.listing if entry.known else None
    listing = read_listing(entry.path, stamp(summary)) or before
    return Known(entry.name, entry.path, entry.info[1], summary, listing, read_tags(entry.path))


def _is_due(entry: _Entry, now: float) -> bool:
    """Has it changed since it was examined, and may it be again?"""
    if entry.known is None or entry.row is None or entry.row.state == "unreadable":
        return False
    wanted, listing = stamp(entry.known.summary), entry.known.listing
    if wanted == entry.asked or (listing and listing.stamp == wanted):
        return False
    return entry.row.state not in ("running", "stale") or now > entry.rested
