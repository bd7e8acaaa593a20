"""A prescription filled: the changes that won, made to a copy of the whole training."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.treatment.case import Case, Change
from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import Course, run
from diagnostics.treatment.patients import Given, Patient, patients
from diagnostics.treatment.remedies import remedies
from diagnostics.treatment.treatment import Attempt, Treatment
from probes.folder import FathomError


def filled(given: Given, treatment: Treatment, steps: int, seed: int = 0) -> Course:
    """An own copy of the training with all that was prescribed, ready to be run for these steps.

    What a change takes from the data, such as their mean, it takes from all of the run's.
    """
    if not treatment.prescription:
        tried = ", ".join(each.remedy for each in treatment.attempts) or "none"
        raise FathomError(f"nothing was prescribed: no remedy was accepted (tried: {tried}).")
    (patient,) = patients(given, (seed,), steps)
    for attempt in treatment.prescription:
        change = _change(patient, treatment, attempt)
        patient = replace(patient, changes=(*patient.changes, change))
    return patient.course()


def _change(patient: Patient, treatment: Treatment, attempt: Attempt) -> Change:
    """The remedy's best, by the answers that it had when it was tried."""
    before = patient.course(treatment.steps)
    with own_chance(patient.seed):
        run(before, patient.seed, lambda: None)
    case = Case(patient.course(), treatment.diseases, tuple(before.norms))
    proposals = remedies()[attempt.remedy].propose(case)
    change = next(proposals)
    for variant in attempt.variants[: _place(attempt)]:
        change = proposals.send(variant.effect)
    return change


def _place(attempt: Attempt) -> int:
    """Among the changes tried, of the one that was taken."""
    return min(range(len(attempt.variants)), key=lambda n: attempt.variants[n].effect)
