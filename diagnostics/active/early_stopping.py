"""Early stopping of a run as a filter: what its best step has learnt, and what later ones fit."""

from __future__ import annotations

import re

import numpy as np

from diagnostics.active.kernel_modes import learning_of
from diagnostics.active.spectral_bias import function_of
from diagnostics.active.wish import Wish
from diagnostics.early_stopping import EarlyStopping, early_stopping
from diagnostics.factory import made_by
from diagnostics.held_out import has_held_out
from diagnostics.kernel_modes import KernelModes, kernel_modes
from diagnostics.learned_function import NO_LINE, LearnedFunction
from diagnostics.run import FathomError, Run, Scalar
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from diagnostics.store import check_writable, key_part, save

UNSEEN = re.compile(r"(val|valid|validation|eval|test|dev|held[_-]?out)[/_. -]?loss", re.IGNORECASE)
BETTER_HIGHER = re.compile(r"(?<![a-z])(acc|accuracy|auc|auroc|f1|r2)(?![a-z])", re.IGNORECASE)
SEEN = re.compile(r"((train|training)[/_. -]?)?loss", re.IGNORECASE)


def early_stopping_of(run: Run, *, scalar: str = "", clean: str = "") -> EarlyStopping:
    """By a scalar that is named or told by its name; else by the loss on recorded held-out data.

    `clean` is "module:function", which gives the target without its noise.
    """
    check_writable(run.path)
    learned = function_of(run)
    if not learned.has_target:
        raise FathomError(
            "the recording holds predictions, and not what is to be learnt; give the Recorder "
            "loss= and batch=."
        )
    given = np.asarray(made_by(clean)) if clean else None
    training, validation = losses_of(run, scalar)
    if validation is None and given is None:
        raise FathomError(
            f"'{run.path}' has no loss on data that training did not see (scalars: "
            f"{', '.join(run.logged) or 'none'}); log one, recorder.log(val_loss=…), give the "
            "Recorder held_out=(x, y), or name a scalar: --scalar."
        )
    spectrum = _spectrum(run, learned)
    found = early_stopping(learned, spectrum, validation, given, training=training)
    save(run.path, found, early_stopping_key(found))
    return found


def early_stopping_key(found: EarlyStopping) -> str:
    """By which loss the step is the best."""
    return key_part(found.validation.name if found.validation else "clean")


def _spectrum(run: Run, learned: LearnedFunction) -> SpectralBias | KernelModes:
    """By waves along a line; where none can be told by the network's own kernel."""
    if learned.axis != NO_LINE:
        try:
            return spectral_bias(learned)
        except FathomError:  # of uneven places, or a target that no wave stands out in
            if not run.has_program:
                raise
    return kernel_modes(learning_of(run, Wish()))


def losses_of(run: Run, scalar: str = "") -> tuple[Scalar | None, Scalar | None]:
    """On what training saw, and on what it did not; None where that is not known."""
    if BETTER_HIGHER.search(scalar):
        raise FathomError(
            f"'{scalar}' is better the higher it is, and the best step is that of the least; name "
            f"a loss (scalars: {', '.join(run.logged)})."
        )
    name = scalar or next((each for each in run.logged if UNSEEN.fullmatch(each)), "")
    if name:
        known = (each for each in run.logged if SEEN.fullmatch(each) and each != name)
        seen = next(known, "")
        return run.scalar(seen) if seen else None, run.scalar(name)
    return _at_snapshots(run) if has_held_out(run) else (None, None)


def _at_snapshots(run: Run) -> tuple[Scalar, Scalar]:
    """Of the recorded batch, and of the held-out examples beside it."""
    subject, found = run.subject(), []
    for step in run.snapshots:
        seen = subject.at(run.path, step)
        unseen = seen.held_out or seen
        found.append([each.loss_at(each.centre) for each in (seen, unseen)])
    table, steps = np.array(found), np.array(run.snapshots, np.int64)
    names = ("loss on the recorded batch", "held-out loss")
    first, second = (
        Scalar(name, steps, column, np.full(len(steps), np.nan))
        for name, column in zip(names, table.T, strict=True)
    )
    return first, second
