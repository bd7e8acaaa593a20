"""Runs trials within the time there is, and keeps the untreated ones for every remedy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from diagnostics.treatment.case import Case, Change
from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import Course, run
from diagnostics.treatment.patients import Patient
from diagnostics.treatment.treatment import Curves
from probes.program.objective import Loss

Progress: TypeAlias = Callable[[int, int], None]  # steps made, of how many


class OutOfTime(Exception):  # noqa: N818  (said, not raised at the user)
    """The seconds there were are over."""


class Trials:
    """Of some patients, each trial as long as every other."""

    def __init__(
        self,
        patients: Sequence[Patient],
        seconds: float,
        progress: Progress | None,
        expected: int,
        made: int = 0,
    ) -> None:
        """`expected` is about how many trials there will be; so many steps are made already."""
        self.patients, self._progress = patients, progress
        self.steps = patients[0].steps
        self._most, self.made = expected * self.steps, made
        self._deadline = time.monotonic() + seconds
        self._controls: dict[tuple[int, int], Curves] = {}
        self._norms: list[float] = []
        self._measures: list[Loss] = []  # kept, so that no two have one identity

    def control(self, patient: Patient, measured: Loss = None) -> Curves:
        """Untreated, by the user's own loss or another measure."""
        key = patient.seed, id(measured)
        if key not in self._controls:
            course = patient.course()
            self._controls[key] = self._run(patient, course, measured)
            self._measures.append(measured)
            if patient is self.patients[0] and not self._norms:
                self._norms = course.norms
        return self._controls[key]

    def trial(self, patient: Patient, change: Change) -> Curves:
        """With one change made."""
        course = patient.course()
        with own_chance(patient.seed):
            change.make(course)
        return self._run(patient, course, change.measured)

    def case(self, diseases: tuple[str, ...]) -> Case:
        """The first patient as remedies see it, after its untreated trial."""
        self.control(self.patients[0])
        return Case(self.patients[0].course(), diseases, tuple(self._norms))

    def _run(self, patient: Patient, course: Course, measured: Loss) -> Curves:
        if measured is not None:
            course.measured = measured
        with own_chance(patient.seed):
            return run(course, patient.seed, self._stepped)

    def _stepped(self) -> None:
        if time.monotonic() > self._deadline:
            raise OutOfTime
        self.made += 1
        if self._progress is not None:
            self._progress(self.made, max(self.made + 1, self._most))


def affordable(patient: Patient, trials: int, seconds: float) -> int:
    """How many steps each of so many trials can have, by the time that a few take."""
    with own_chance(patient.seed):
        looks = _timed(lambda: run(patient.course(0), patient.seed, lambda: None), warm=True)
        few = _timed(lambda: run(patient.course(4), patient.seed, lambda: None))
    a_step = max(few - 5 * looks, 0.2 * few) / 4
    return int((seconds / trials - 13 * looks) / a_step)


def _timed(what: Callable[[], object], *, warm: bool = False) -> float:
    if warm:
        what()
    start = time.perf_counter()
    what()
    return max(time.perf_counter() - start, 1e-9)
