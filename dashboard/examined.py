"""The doctor's verdicts of the runs looked at: of a long one they take longer than any picture."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from diagnostics.run import FathomError, Run

if TYPE_CHECKING:
    from diagnostics.doctor import Examination

MOST = 12  # runs that are kept
PATIENCE = 0.1  # seconds; a short run is examined by then
REST = 5.0  # times as long as it took, a run that grows is left alone


class Examined:
    """Each run is examined on a view of its own, beside whoever asks: no picture waits for it.

    `first`: what is waited for before a run is examined.
    """

    def __init__(self, first: Callable[[Path], None] = lambda _: None) -> None:
        self._first = first
        self._lock = Lock()
        self._patients: OrderedDict[Path, _Patient] = OrderedDict()

    def of(self, path: Path) -> Examination:
        """What is known of a run: as it is now, or as it was a little while ago."""
        patient = self._patient(path)
        if patient.begin():
            patient.done.wait()
        return patient.examination()

    def soon(self, path: Path, patience: float = PATIENCE) -> tuple[Examination | None, bool]:
        """What is known by now, if anything is; and whether more will be known soon."""
        patient = self._patient(path)
        if patient.begin():
            patient.done.wait(patience)
        pending = not patient.done.is_set()
        return (None if pending and patient.known is None else patient.examination()), pending

    def known(self, path: Path) -> Examination | None:
        """What has been found already, without waiting for it."""
        with self._lock:
            patient = self._patients.get(path)
        return patient.known.examination if patient and patient.known else None

    def _patient(self, path: Path) -> _Patient:
        with self._lock:
            patient = self._patients.setdefault(path, _Patient(path, self._first))
            self._patients.move_to_end(path)
            while len(self._patients) > MOST:
                self._patients.popitem(last=False)
            return patient


@dataclass(frozen=True)
class _Known:
    examination: Examination
    again: float  # before then it is not asked once more


class _Patient:
    """A run, what is known of it, and whether somebody is with it just now."""

    def __init__(self, path: Path, first: Callable[[Path], None]) -> None:
        self.known: _Known | None = None
        self.done = Event()
        self._path, self._first = path, first
        self._lock = Lock()
        self._run: Run | None = None
        self._error: Exception | None = None
        self.done.set()

    def begin(self) -> bool:
        """Begin, unless it is known or begun already; is there something to wait for?"""
        with self._lock:
            if not self.done.is_set():
                return True
            if self._is_known():
                return False
            self.done.clear()
            Thread(target=self._work, daemon=True).start()
            return True

    def examination(self) -> Examination:
        if self.known is None:
            raise self._error or FathomError(f"'{self._path}' could not be examined.")
        return self.known.examination

    def _is_known(self) -> bool:
        """Nothing has changed since it was found, or since it broke."""
        if self.known and time.monotonic() < self.known.again and self._is_live():
            return True
        if self._run is None or self._run.refresh():
            return False
        return bool(self._error) or self.known is not None

    def _is_live(self) -> bool:
        return self._run is not None and self._run.state == "running"

    def _work(self) -> None:
        try:
            self._first(self._path)
            self._run = self._run or Run(self._path)
            self.known, self._error = _examine(self._run), None
        except Exception as error:  # whoever asks is told
            self.known, self._error = None, error
        finally:
            self.done.set()


def _examine(run: Run) -> _Known:
    from diagnostics.doctor import examine

    began = time.monotonic()
    examination = examine(run)
    now = time.monotonic()
    return _Known(examination, now + REST * (now - began))
