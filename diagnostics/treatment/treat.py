"""Tries what may help a training on short copies of it, each beside an untreated one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from diagnostics.finding import Finding
from diagnostics.treatment.judging import SHORTEST
from diagnostics.treatment.patients import Given, Patient, made, patients
from diagnostics.treatment.remedies import remedies, remedies_for
from diagnostics.treatment.rounds import TRIALS, Rounds
from diagnostics.treatment.treatment import Treatment
from diagnostics.treatment.trials import Progress, affordable
from probes.folder import FathomError

SHARE = 0.3  # of the run, that a trial lasts
LENGTH = 200  # steps of a trial, where the run's length is not known
FEWEST = 10
LATE = ("overfitting",)  # shows at the end of a run alone


def treat(  # noqa: PLR0913  (each has its name)
    given: Given,
    findings: Iterable[Finding | str] = (),
    *,
    seconds: float = 120.0,
    share: float = SHARE,
    steps: int = 0,
    seeds: Sequence[int] = (0, 1),
    progress: Progress | None = None,
) -> Treatment:
    """What helps against these findings or diseases; of all remedies where none are given.

    `given` is a Training, a function of a seed that makes one, or a Subject of a recorded run.
    A trial lasts `steps`, or a `share` of the run; fewer where `seconds` would not be enough for
    all. `progress` is told of steps made and of how many; what it raises ends the treatment.
    """
    diseases = _diseases(findings)
    wanted = remedies_for(diseases) if diseases else list(remedies().values())
    if not wanted:
        raise FathomError(
            f"no remedy can be tried for {', '.join(diseases)} (there are some for: "
            f"{', '.join(sorted(treatable()))})."
        )
    until, made_before = time.monotonic() + seconds, 0
    found: Treatment | None = None
    for length in [steps] if steps else _lengths(given, diseases, share, seeds):
        left, needed = until - time.monotonic(), len(wanted) * TRIALS + 1
        sick = _patients(given, seeds, length, (needed, left))
        if found is not None and sick[0].steps <= found.steps:
            break  # there is no time for longer trials
        rounds = Rounds(sick, diseases, until, _after(made_before, progress))
        later, made_before = rounds.treated(wanted), made_before + rounds.made
        found = later if found is None or later.winner else found
        if found.winner:
            break
    assert found is not None
    return found


def _after(made_before: int, progress: Progress | None) -> Progress | None:
    """Of longer trials, what is told goes on from the shorter ones."""
    if progress is None:
        return None
    return lambda done, of: progress(made_before + done, made_before + of)


def treatable() -> set[str]:
    """The diseases that some remedy is for."""
    return {slug for remedy in remedies().values() for slug in remedy.about.diseases}


def _diseases(findings: Iterable[Finding | str]) -> tuple[str, ...]:
    if isinstance(findings, str):
        raise FathomError(
            f"findings is the text '{findings}'; give a list, such as ['{findings}']."
        )
    return tuple(dict.fromkeys(f if isinstance(f, str) else f.disease for f in findings))


def _lengths(
    given: Given, diseases: Sequence[str], share: float, seeds: Sequence[int]
) -> tuple[int, ...]:
    """Of trials: a share of the run; where that does not tell, all of it: some faults show late."""
    if not 0 < share <= 1:
        raise FathomError(f"share={share:g} is no share of a run; give one above 0 and up to 1.")
    whole = made(given, seeds[0] if seeds else 0).steps
    if not whole:
        return (LENGTH,)
    late = any(slug in LATE for slug in diseases)
    return (whole,) if late else (max(FEWEST, round(share * whole)), whole)


def _patients(
    given: Given, seeds: Sequence[int], steps: int, spending: tuple[int, float]
) -> list[Patient]:
    """With trials no longer than can be paid for, but long enough to say something."""
    found = patients(given, seeds, steps)
    trials, seconds = spending
    least = max(FEWEST, math.ceil(SHORTEST * found[0].training.steps))
    if steps <= least:
        return found
    length = min(steps, max(least, affordable(found[0], trials * len(found), seconds)))
    return [replace(patient, steps=length) for patient in found]
