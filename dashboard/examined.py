"""The doctor's verdicts of the runs looked at: of a long one they take longer than any picture."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from diagnostics.run import Run

if TYPE_CHECKING:
    from diagnostics.doctor import Examination

MOST = 12  # runs that are kept
REST = 5.0  # times as long as it took, a run that grows is left alone


class Examined:
    """Each run is examined on a view of its own, so that no picture waits for it.

    `first`: what is waited for before a run is examined.
    """

    def __init__(self, first: Callable[[Path], None] = lambda _: None) -> None:
        self._first = first
        self._lock = Lock()
        self._patients: OrderedDict[Path, _Patient] = OrderedDict()

    def of(self, path: Path) -> Examination:
        """What is known of a run: as it is now, or as it was a little while ago."""
        with self._lock:
            patient = self._patients.setdefault(path, _Patient(path))
            self._patients.move_to_end(path)
            while len(self._patients) > MOST:
                self._patients.popitem(last=False)
        return patient.examined(self._first)

    def known(self, path: Path) -> Examination | None:
        """What has been found already, without waiting for it."""
        with self._lock:
            patient = self._patients.get(path)
        return patient.known if patient else None


@dataclass
class _Known:
    generation: int
    examination: Examination
    again: float  # before then it is not asked once more


class _Patient:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._run: Run | None = None
        self._known: _Known | None = None

    @property
    def known(self) -> Examination | None:
        return self._known.examination if self._known else None

    def examined(self, first: Callable[[Path], None]) -> Examination:
        with self._lock:
            if self._known and time.monotonic() < self._known.again:
                return self._known.examination
            run = self._run = self._run or Run(self._path)
            run.refresh()
            if self._known is None or self._known.generation != run.generation:
                first(self._path)
                self._known = _examine(run)
            return self._known.examination


def _examine(run: Run) -> _Known:
    from diagnostics.doctor import examine

    began = time.monotonic()
    examination = examine(run)
    now = time.monotonic()
    rest = REST * (now - began) if run.state == "running" else 0.0
    return _Known(run.generation, examination, now + rest)
