"""How a run's predictions are read, and what each of them is to be, where the user says neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.line import recorded_data
from diagnostics.active.wish import Wish
from diagnostics.uncertainty import TWO_HALVES, Outputs, Reading
from probes.folder import FathomError
from probes.program_file import program_text

if TYPE_CHECKING:
    from diagnostics.subject import Subject

BINARY = '"binary_cross_entropy_with_logits.'  # as a program names that loss


def read_as(subject: Subject, outputs: Outputs | None, noise: float | None) -> Reading:
    """As asked, or as the subject's targets say; noise that would be overlooked is refused."""
    known: Outputs = "logits" if "accuracy" in subject.measures else "values"
    reading = Reading(outputs or known, noise)
    if noise is not None and reading.outputs != "values":
        why = f"{reading.outputs} are classes" if reading.classes else "the network gives its own"
        raise FathomError(
            f"noise={noise:g} is of the targets of values, and {why}; leave it out, or say "
            'outputs="values".'
        )
    return reading


def outputs_of(folder: Path, wish: Wish, asked: Outputs | None) -> Outputs | None:
    """As asked; one logit where the recorded loss takes predictions for that."""
    trained = recorded_data(folder, replace(wish, held_out=""))
    if asked is None and trained and compares_one_logit(folder, trained.targets):
        return "one logit"
    return asked


def compares_one_logit(folder: Path, targets: NDArray[Any] | None) -> bool:
    """Does the recorded loss read predictions as logits, of targets that are 0 or 1?"""
    return are_binary(targets) and BINARY in program_text(folder)


def are_binary(targets: NDArray[Any] | None) -> bool:
    return targets is not None and bool(np.isin(targets, (0, 1)).all())


def targets_for(subject: Subject, reading: Reading) -> NDArray[Any] | None:
    """If there is one for each prediction, and of its kind: a loss may take others."""
    from diagnostics.subject.targets import targets_of

    try:
        targets = targets_of(subject)
    except FathomError:
        return None
    if reading.outputs == "one logit" and not are_binary(targets):
        return None
    shape = np.concatenate(subject.predict(subject.centre)).shape
    expected = int(np.prod(shape))
    if reading.outputs in TWO_HALVES:
        expected //= 2
    elif reading.outputs in ("logits", "probabilities"):
        whole = targets.dtype.kind in "iub"  # else they are shares of classes, or values
        expected = expected // shape[reading.class_axis] if whole and len(shape) > 1 else -1
    return targets if targets.size == expected else None
