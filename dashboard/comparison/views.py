"""The comparison's own views of runs: read by one thread at a time, and no other page waits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock, RLock
from weakref import WeakKeyDictionary

from dashboard.open_runs import OpenRuns
from diagnostics.run import Run

MOST = 12  # runs that stay open: all of one comparison


class Views:
    """Runs by name."""

    def __init__(self, runs: OpenRuns) -> None:
        self._runs, self._lock = runs, Lock()
        self._open: OrderedDict[Path, Run] = OrderedDict()
        self._busy: WeakKeyDictionary[Run, RLock] = WeakKeyDictionary()

    def look(self, name: str) -> Run:
        """The run as it is now; tells its writer that somebody is watching."""
        run = self.kept(name)
        with self.alone([run]):
            run.refresh()
            if run.state == "running":
                run.watch()
        return run

    def kept(self, name: str) -> Run:
        """The run as it was when last looked at."""
        path = self._runs.summary(name).path
        if path not in self._open:
            self._runs.folder(name)
        with self._lock:
            if path not in self._open:
                run = self._open[path] = Run(path)
                self._busy[run] = RLock()
            self._open.move_to_end(path)
            while len(self._open) > MOST:
                self._open.popitem(last=False)
            return self._open[path]

    @contextmanager
    def alone(self, runs: Sequence[Run]) -> Iterator[None]:
        """Nobody else reads these meanwhile; always taken in one order, so that no two who want
        several wait for each other."""
        ordered = sorted(dict.fromkeys(runs), key=id)
        with self._lock:
            locks = [self._busy[run] for run in ordered if run in self._busy]
        with ExitStack() as held:
            for lock in locks:
                held.enter_context(lock)
            yield
