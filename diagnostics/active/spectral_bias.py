"""Spectral bias of a run, with the function it was told from: both stored under where that is from.

Predictions recorded in training are taken as they are; without them, those at the snapshots. Along
a line it is told by waves; over inputs of many features by their smooth and their fine part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from diagnostics.active.descent import descent_of
from diagnostics.active.kernel_modes import agree, learning_of
from diagnostics.active.wish import Wish
from diagnostics.data_spectra import DataSpectra, data_spectra
from diagnostics.factory import made_by
from diagnostics.frequencies import modes
from diagnostics.kernel_modes import Learning
from diagnostics.learned_function import (
    NO_LINE,
    RECORDED,
    LearnedFunction,
    recorded_function,
    snapshot_function,
)
from diagnostics.predicted_bias import predicted_bias, refused
from diagnostics.run import FathomError, Run
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from diagnostics.store import check_writable, load, save

EXAMPLES = 2000  # whose kernel is taken to predict from
OTHERS = "the recorded batch is too large for its kernel, or has another target"

Found: TypeAlias = SpectralBias | DataSpectra


def spectral_bias_of(
    run: Run,
    frequencies: Sequence[float] | None = None,
    *,
    period: float | None = None,
    again: bool = False,
    target: str = "",
) -> Found:
    """By default of the frequencies that carry the target.

    A function that can be drawn, along a line or over a plane, is kept even where its spectrum
    cannot be told.
    """
    check_writable(run.path)
    learned = function_of(run, again=again, target=target)
    drawable = learned.axis != NO_LINE or learned.inputs.shape[1] == 2
    if drawable:
        save(run.path, learned, function_key(learned))
    try:
        found = _found(learned, frequencies, period)
    except FathomError as error:
        kept = " The function itself is stored, and drawn in report and app." if drawable else ""
        raise FathomError(f"{error}{kept}") from error
    save(run.path, found, function_key(found))
    return found


def _found(
    learned: LearnedFunction, frequencies: Sequence[float] | None, period: float | None
) -> Found:
    if not learned.has_target:
        raise FathomError(
            "the recording holds predictions, and not what is to be learnt; say it: "
            "--target module:function, which gives one row for each example."
        )
    if learned.axis != NO_LINE:
        return spectral_bias(learned, frequencies, period=period)
    if period is not None:
        raise FathomError(
            f"period={period:g}: inputs of {learned.inputs.shape[1]} features lie on no line, so "
            "waves have no length of their own; leave it out."
        )
    return data_spectra(learned, frequencies=frequencies)


def with_prediction(run: Run, found: Found) -> SpectralBias:
    """Beside what was learnt what the kernel at the first snapshot predicts; stored again."""
    if not isinstance(found, SpectralBias):
        raise FathomError(
            f"a kernel's prediction is drawn over frequencies, and inputs of "
            f"{len(found.direction)} features lie on no line; leave out --predicted, or ask for "
            "kernel-modes."
        )
    learned = load(run.path, LearnedFunction, function_key(found))
    seen = learning_of(run, Wish(), most=EXAMPLES)
    waves = modes(learned.places, found.frequencies, found.period)
    if _is_of(learned, seen):
        how = descent_of(run, int(seen.steps[-1]))
        told = predicted_bias(learned, waves, seen, how, told=found.told)
    else:
        told = refused(OTHERS, int(seen.steps[0]))
    found = replace(found, predicted=told)
    save(run.path, found, function_key(found))
    return found


def _is_of(learned: LearnedFunction, seen: Learning) -> bool:
    """The same examples, outputs and target."""
    left = learned.values - learned.target
    if left[0].size != seen.residuals[0].size:
        return False
    return agree(seen, learned.steps, left.reshape(len(left), *seen.residuals.shape[1:]))


def function_of(run: Run, *, again: bool = False, target: str = "") -> LearnedFunction:
    """As it was predicted in training, if its target is known; else, or `again`, at snapshots.

    `target` is "module:function", which gives it; by default it is the recorded batch's.
    """
    given = np.asarray(made_by(target)) if target else None
    if "outputs" in run.array_names and not again:
        learned = recorded_function(run, given)
        if learned.has_target or not run.has_program:
            return learned
    return snapshot_function(run, target=given)


def function_key(found: LearnedFunction | Found) -> str:
    return "recorded" if found.source == RECORDED else "snapshots"
