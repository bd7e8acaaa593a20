"""The runs under a folder, kept open between requests: nothing unchanged is read twice."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from diagnostics.run import FathomError, Run
from diagnostics.runs import find_runs

if TYPE_CHECKING:
    from dashboard.panel import Panel, StoredPanel
    from diagnostics.doctor import Examination
    from diagnostics.runs import RunSummary

MOST_OPEN = 8  # of hundreds of runs only those somebody looks at stay in memory


class OpenRuns:
    """Runs by name, with what was computed of each; shared by all viewers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = RLock()
        self._open: OrderedDict[Path, Run] = OrderedDict()
        self._known: dict[tuple[Path, str], tuple[Any, Any]] = {}  # [path, what] version, value

    def summaries(self) -> list[RunSummary]:
        """Every run, the latest first."""
        return find_runs(self.root)

    def summary(self, name: str) -> RunSummary:
        """One run. Only names that were found are known: a name is never taken for a path."""
        for summary in self.summaries():
            if summary.name == name:
                return summary
        raise FathomError(f"no run {name!r} under {self.root}; choose one from the list")

    def look(self, name: str) -> Run:
        """The run as it is now; tells its writer that somebody is watching."""
        with self._lock:
            run = self._kept(Path(self.summary(name).path))
            run.refresh()
            if run.state == "running":
                run.watch()
            return run

    def kept(self, name: str) -> Run:
        """The run as it was when last looked at."""
        with self._lock:
            return self._kept(Path(self.summary(name).path))

    def examination(self, run: Run) -> Examination:
        """The doctor's verdicts, asked once for each generation."""
        from diagnostics.doctor import examine

        examination: Examination = self._remember(run, "examination", examine)
        return examination

    def result(self, run: Run, panel: Panel[Any]) -> Any:
        """A panel's analysis, computed once for each generation."""
        return self._remember(run, panel.name, panel.analyse)

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
            self._known = {key: value for key, value in self._known.items() if key[0] != gone}
        return self._open[path]

    def _remember(self, run: Run, what: str, compute: Any, version: str | int | None = None) -> Any:
        key = (Path(run.path), what)
        now = run.generation if version is None else version
        with self._lock:
            known, value = self._known.get(key, (None, None))
            if known != now:
                value = compute(run)
                self._known[key] = (now, value)
            return value
