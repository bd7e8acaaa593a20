"""One remedy tried: its values on the first seed, the best of them on the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diagnostics.treatment.case import Change, Proposals
from diagnostics.treatment.judging import Findings, effects, estimate, null_effect, verdict
from diagnostics.treatment.remedies import Remedy
from diagnostics.treatment.treatment import Attempt, Curves, Judge, Variant, Verdict
from diagnostics.treatment.trials import OutOfTime, Trials

JUDGES: tuple[Judge, ...] = ("training", "validation")


@dataclass(frozen=True)
class _First:
    """A change, and how its trial on the first seed went."""

    change: Change
    curves: Curves | None  # None: it could not be made
    effect: float


@dataclass(frozen=True)
class Tried:
    """A remedy's attempt, and the change that was made in it."""

    attempt: Attempt
    change: Change | None  # None: no trial of it was made


def attempted(
    trials: Trials, remedy: Remedy, diseases: tuple[str, ...], share: float
) -> Tried | None:
    """None where the remedy does not apply; what breaks or runs out of time is told so."""
    firsts: list[_First] = []
    try:
        broken = _sweep(trials, remedy, diseases, firsts)
        made = [first for first in firsts if first.curves is not None]
        if made:
            best = min(made, key=lambda first: first.effect)
            return Tried(_judged(trials, remedy, best, firsts, share), best.change)
    except OutOfTime:
        reason = "the time was over before it could be tried"
        return Tried(_untried(remedy, firsts, "undecided", reason), None)
    except Exception as error:  # one remedy that cannot be done never takes the others down
        broken = error
    if broken is None:
        return None
    told = str(broken).split("\n", 1)[0]
    reason = f"it could not be tried: {type(broken).__name__}: {told}"
    return Tried(_untried(remedy, firsts, "rejected", reason), None)


def _sweep(
    trials: Trials, remedy: Remedy, diseases: tuple[str, ...], firsts: list[_First]
) -> Exception | None:
    """Tries each change that the remedy proposes, which hears how the last one went."""
    proposals, broken = remedy.propose(trials.case(diseases)), None
    change = next(proposals, None)
    while change is not None:
        try:
            firsts.append(_first(trials, change, remedy.about.judged_by))
        except OutOfTime:
            raise
        except Exception as error:  # of several values one may be such as the model cannot bear
            broken = error
            firsts.append(_First(change, None, math.inf))
        change = _answered(proposals, firsts[-1].effect)
    return broken


def _first(trials: Trials, change: Change, judge: Judge) -> _First:
    patient = trials.patients[0]
    curves, control = trials.trial(patient, change), trials.control(patient, change.measured)
    effect = float(effects([curves], [control], judge)[0])
    return _First(change, curves, math.inf if math.isnan(effect) else effect)


def _answered(proposals: Proposals, effect: float) -> Change | None:
    """What is proposed once the last effect is told."""
    try:
        return proposals.send(effect)
    except StopIteration:
        return None


def _judged(
    trials: Trials, remedy: Remedy, best: _First, firsts: list[_First], share: float
) -> Attempt:
    """On all seeds, unless the first has shown that it does not help."""
    assert best.curves is not None
    patients = trials.patients if best.effect < 0 else trials.patients[:1]
    controls = [trials.control(patient, best.change.measured) for patient in patients]
    treated = [best.curves, *(trials.trial(patient, best.change) for patient in patients[1:])]
    judge = remedy.about.judged_by
    nulls = {which: _null(trials, best.change, which, len(patients)) for which in JUDGES}
    found = {which: _estimate(treated, controls, which, nulls[which]) for which in JUDGES}
    training, held_out = (effects(treated, controls, which) for which in JUDGES)
    decided, reason = verdict(Findings(judge, training, held_out, nulls[judge], share))
    return Attempt(
        remedy.name,
        best.change.told,
        best.change.code,
        remedy.about.mends,
        judge,
        tuple(controls),
        tuple(treated),
        *found["training"],
        *found["validation"],
        _variants(firsts),
        decided,
        reason,
    )


def _estimate(
    treated: list[Curves], controls: list[Curves], which: Judge, null: float
) -> tuple[float, float]:
    return estimate(effects(treated, controls, which), null)


def _null(trials: Trials, change: Change, which: Judge, seeds: int) -> float:
    """Of the trials by the same measure; where one alone was made, by the user's."""
    measured = change.measured if seeds > 1 else None
    return null_effect([trials.control(patient, measured) for patient in trials.patients], which)


def _variants(firsts: list[_First]) -> tuple[Variant, ...]:
    return tuple(Variant(first.change.told, first.effect) for first in firsts)


def _untried(remedy: Remedy, firsts: list[_First], decided: Verdict, reason: str) -> Attempt:
    """Without trials to judge it by."""
    change = min(firsts, key=lambda first: first.effect).change if firsts else None
    return Attempt(
        remedy.name,
        change.told if change else remedy.name.replace("_", " "),
        change.code if change else "",
        remedy.about.mends,
        remedy.about.judged_by,
        (),
        (),
        *(math.nan,) * 4,
        _variants(firsts),
        decided,
        reason,
    )
