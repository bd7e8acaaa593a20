"""Spectral bias of a run, with the function it was told from: both stored under where that is from.

Predictions recorded in training are taken as they are; without them, those at the snapshots.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.learned_function import (
    NO_LINE,
    RECORDED,
    LearnedFunction,
    recorded_function,
    snapshot_function,
)
from diagnostics.run import FathomError, Run
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from diagnostics.store import check_writable, save


def spectral_bias_of(
    run: Run,
    frequencies: Sequence[float] | None = None,
    *,
    period: float | None = None,
    again: bool = False,
) -> SpectralBias:
    """By default of the frequencies that carry the target.

    A function that can be drawn, along a line or over a plane, is kept even where its waves cannot
    be told.
    """
    check_writable(run.path)
    learned = function_of(run, again=again)
    drawable = learned.axis != NO_LINE or learned.inputs.shape[1] == 2
    if drawable:
        save(run.path, learned, function_key(learned))
    try:
        found = spectral_bias(learned, frequencies, period=period)
    except FathomError as error:
        kept = " The function itself is stored, and drawn in report and app." if drawable else ""
        raise FathomError(f"{error}{kept}") from error
    save(run.path, found, function_key(found))
    return found


def function_of(run: Run, *, again: bool = False) -> LearnedFunction:
    """As it was predicted in training, if its target is known; else, or `again`, at snapshots."""
    if "outputs" in run.array_names and not again:
        learned = recorded_function(run)
        if learned.has_target:
            return learned
    return snapshot_function(run)


def function_key(found: LearnedFunction | SpectralBias) -> str:
    return "recorded" if found.source == RECORDED else "snapshots"
