"""The runs under a folder, kept open between requests: nothing unchanged is read twice."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from dashboard.run_index import RunIndex
from dashboard.tasting import TASTING
from diagnostics.enclosure import check_enclosed
from diagnostics.run import FathomError, Run

if TYPE_CHECKING:
    from dashboard.panel import Panel, StoredPanel
    from dashboard.run_row import RunRow

T = TypeVar("T")

LIVE = ("running", "stale")  # these are being written, by a scribe of this machine
MOST_OPEN = 8  # of hundreds of runs only those somebody looks at stay in memory
GRACE = 0.15  # seconds in which a page asks for its pictures
MOST_KNOWN = 120  # results; of every layer there may be one


class OpenRuns:
    """Runs by name, with what was computed of each; shared by all viewers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = RunIndex(root)
        self._lock = RLock()
        self._busy: dict[Path, RLock] = {}  # a run is read by one viewer at a time
        self._open: OrderedDict[Path, Run] = OrderedDict()
        self._known: OrderedDict[tuple[Path, str], tuple[Any, Any]] = OrderedDict()

    def summaries(self) -> list[RunRow]:
        """Every run that can be read, the latest first."""
        return [row for row in self.index.rows() if row.state != "unreadable"]

    def summary(self, name: str) -> RunRow:
        """One run. Only names that were found are known: a name is never taken for a path."""
        row = self.index.row(name)
        if row.state == "unreadable":
            raise FathomError(row.reason)
        return row

    def latest(self) -> str | None:
        """The name of the run that began last; None: there is none yet."""
        summaries = self.summaries()
        return summaries[0].name if summaries else None

    def look(self, name: str) -> Run:
        """The run as it is now; tells its writer that somebody is watching."""
        run = self.kept(name)
        with self._busy_with(Path(run.path)):
            check_enclosed(run.path, self.root)
            run.refresh()
            if run.state == "running":
                run.watch()
            return run

    def kept(self, name: str) -> Run:
        """The run as it was when last looked at."""
        path = self.summary(name).path
        if path not in self._open:
            self.folder(name)
        with self._lock:
            return self._kept(path)

    def folder(self, name: str) -> Path:
        """Where a run is, once it is known that opening it does no harm."""
        row = self.summary(name)
        check_enclosed(row.path, self.root)
        if row.state not in LIVE:
            TASTING.check(row.path)
        return row.path

    def let_pass(self, path: Path) -> None:
        """Wait for the pictures that are being made of a run: what takes longer comes after."""
        time.sleep(GRACE)
        with self._busy_with(path):
            pass

    def result(self, run: Run, panel: Panel[Any], **asked: Any) -> Any:
        """A panel's analysis, computed once for each generation and each wish."""
        wish = " ".join([panel.name, *(f"{name}={value}" for name, value in asked.items())])
        return self._remember(run, wish, partial(panel.analyse, **asked))

    def asked(self, run: Run, what: str, compute: Callable[[Run], T]) -> T:
        """Anything else, computed once for each generation. A run is no two viewers' at once."""
        found: T = self._remember(run, what, compute)
        return found

    def stored(self, run: Run, panel: StoredPanel[Any], key: str) -> Any:
        """A result of a panel's that a command has stored, read once for each time it was."""
        stamp = next((when for each, when in panel.stored.stamp(run) if each == key), "")
        read = partial(panel.stored.chosen, key=key)
        return self._remember(run, f"{panel.name} {key}", read, stamp)

    def _kept(self, path: Path) -> Run:
        if path not in self._open:
            self._open[path] = Run(path)
        self._open.move_to_end(path)
        while len(self._open) > MOST_OPEN:
            gone, _ = self._open.popitem(last=False)
            self._busy.pop(gone, None)
        return self._open[path]

    def _busy_with(self, path: Path) -> RLock:
        with self._lock:
            return self._busy.setdefault(path, RLock())

    def _remember(self, run: Run, what: str, compute: Any, version: str | int | None = None) -> Any:
        with self._busy_with(Path(run.path)):
            now = run.generation if version is None else version
            known, value = self._found((Path(run.path), what))
            if known != now:
                value = compute(run)
                self._keep((Path(run.path), what), (now, value))
            return value

    def _found(self, key: tuple[Path, str]) -> tuple[Any, Any]:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key, (None, None))

    def _keep(self, key: tuple[Path, str], what: tuple[Any, Any]) -> None:
        with self._lock:
            self._known[key] = what
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
