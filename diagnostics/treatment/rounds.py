"""Rounds of trials: every remedy; and against several diseases, what helps on top of the best."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from diagnostics.treatment.attempts import JUDGES, Tried, attempted
from diagnostics.treatment.judging import null_effect
from diagnostics.treatment.patients import Patient
from diagnostics.treatment.remedies import Remedy
from diagnostics.treatment.treatment import Attempt, Judge, Treatment, Verdict
from diagnostics.treatment.trials import OutOfTime, Progress, Trials

TRIALS = 4  # that a remedy takes: some values on the first seed, the best on the others
ORDER: tuple[Verdict, ...] = ("accepted", "undecided", "rejected")


class Rounds:
    """Of some patients with some diseases, until a time."""

    def __init__(
        self,
        patients: Sequence[Patient],
        diseases: tuple[str, ...],
        until: float,
        progress: Progress | None,
    ) -> None:
        self._patients, self._diseases = patients, diseases
        self._until, self._progress, self.made = until, progress, 0

    def treated(self, wanted: Sequence[Remedy]) -> Treatment:
        """The best of these; and against diseases that it is not for, what helps on top of it."""
        trials, ranked = self._round(self._patients, wanted)
        found, patients = self._summary(trials, ranked), self._patients
        while _is_accepted(ranked) and (further := self._further(found, wanted)):
            best = ranked[0]
            assert best.change is not None
            patients = [replace(p, changes=(*p.changes, best.change)) for p in patients]
            _, ranked = self._round(patients, further)
            found = _added(found, ranked[0].attempt) if _is_accepted(ranked) else found
        if self._progress is not None:
            self._progress(self.made, self.made)
        return found

    def _further(self, found: Treatment, wanted: Sequence[Remedy]) -> list[Remedy]:
        """Remedies for the diseases that none of the prescribed ones is for."""
        names = {attempt.remedy for attempt in found.prescription}
        met = {slug for each in wanted if each.name in names for slug in each.about.diseases}
        left = {*self._diseases} - met
        return [each for each in wanted if left & {*each.about.diseases}]

    def _round(
        self, patients: Sequence[Patient], wanted: Sequence[Remedy]
    ) -> tuple[Trials, list[Tried]]:
        """Each remedy tried on these, the best first."""
        expected = self.made // patients[0].steps + (len(wanted) * TRIALS + 1) * len(patients)
        left = self._until - time.monotonic()
        trials = Trials(patients, left, self._progress, expected, self.made)
        tried = [attempted(trials, each, self._diseases, _share(patients)) for each in wanted]
        self.made = trials.made
        return trials, sorted((each for each in tried if each is not None), key=_rank)

    def _summary(self, trials: Trials, ranked: Sequence[Tried]) -> Treatment:
        null, validation_null = (_null(trials, which) for which in JUDGES)
        best = ranked[0].attempt if _is_accepted(ranked) else None
        self.made = trials.made
        return Treatment(
            self._diseases,
            trials.steps,
            self._patients[0].training.steps,
            tuple(patient.seed for patient in self._patients),
            null,
            validation_null,
            tuple(each.attempt for each in ranked),
            best.remedy if best else "",
            best.code if best else "",
        )


def _added(found: Treatment, attempt: Attempt) -> Treatment:
    return replace(
        found, then=(*found.then, attempt), code=f"{found.code}\n\n{attempt.code}".strip()
    )


def _is_accepted(ranked: Sequence[Tried]) -> bool:
    return bool(ranked) and ranked[0].attempt.verdict == "accepted"


def _share(patients: Sequence[Patient]) -> float:
    """Of the run, that a trial lasts; where that is not known it is taken as long enough."""
    whole = patients[0].training.steps
    return patients[0].steps / whole if whole else 1.0


def _rank(tried: Tried) -> tuple[int, bool, float]:
    """What puts a fault right is better than what eases it, however well."""
    attempt = tried.attempt
    both = attempt.effect, attempt.validation
    judged = both[1:] if attempt.judged_by == "validation" else both
    known = [each for each in judged if not math.isnan(each)]
    mean = sum(known) / len(known) if known else math.inf
    return ORDER.index(attempt.verdict), not attempt.mends, mean


def _null(trials: Trials, which: Judge) -> float:
    """NaN where the time was over before two untreated trials were made."""
    try:
        return null_effect([trials.control(patient) for patient in trials.patients], which)
    except OutOfTime:
        return math.nan
