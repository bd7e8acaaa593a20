"""What each of a subject's examples is to be predicted as, in the order of its predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.subject.data import as_numpy
from diagnostics.subject.subject import Subject
from probes.folder import FathomError

TARGET = "target"


def targets_of(subject: Subject) -> NDArray[Any]:
    """[example, ...] of all its batches, where the loss takes pairs of inputs and targets."""
    batches = subject._batches.all
    if not all(TARGET in batch.inputs for batch in batches):
        there = ", ".join(batches[0].inputs)
        raise FathomError(
            f"it is not known which of a batch's tensors ({there}) are the targets; give the "
            "Recorder, or the Subject, a loss of pairs: loss=fn, batch=(inputs, target)."
        )
    return np.concatenate([as_numpy(batch.inputs[TARGET]) for batch in batches])
