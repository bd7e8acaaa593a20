"""What a subject's run learnt of its examples: residuals at its snapshots, kernels at its ends."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from diagnostics.kernel_modes import Learning
from diagnostics.learned_function import reads_logits
from diagnostics.subject.data import are_classes
from diagnostics.subject.derivatives import flat_gradient
from diagnostics.subject.jacobian import Outputs, kernel, outputs_of
from diagnostics.subject.jacobian_rows import predictions, some_of
from diagnostics.subject.losses import Batch
from diagnostics.subject.subject import Subject
from diagnostics.weight_space import Floats
from probes.folder import FathomError

POINTS = 500  # examples that a kernel is seen on
ROWS = 2000  # of a kernel whose eigenvectors are wanted
SQUARED = 1e-3  # how far from proportional a gradient and Jᵀ·residual may be

State = tuple[Subject, Tensor]  # a subject, and the weights at which it is asked


def learning(
    subject: Subject,
    points: Mapping[int, Tensor] | None = None,
    *,
    outputs: Outputs | None = None,
    most: int = POINTS,
    since: int | None = None,
) -> Learning:
    """At the run's snapshots, or at `points` given by their steps; those before `since` left out.

    Weights that are not finite are left out too. Of more than `most` examples every so-many-th. By
    default all outputs are taken together, or where that would be more than ROWS rows, by their
    mean kernel.
    """
    seen = thinned(subject, most)
    states = {step: at for step, at in _states(seen, points).items() if step >= (since or 0)}
    if len(states) < 2:
        raise FathomError(
            f"{len(states)} snapshots from step {since} on do not tell what was learnt; begin at "
            "an earlier one."
        )
    count = outputs_of(*states[min(states)])
    if outputs is None:
        outputs = "all" if seen.about.examples * count <= ROWS else "mean"
    steps = sorted(states)
    first, last = states[steps[0]], states[steps[-1]]
    return Learning(
        about=last[0].about,
        steps=np.array(steps, np.int64),
        residuals=np.stack([_columns(residual(*states[step]), outputs) for step in steps]),
        kernel=kernel(*first, outputs),
        last_kernel=kernel(*last, outputs),
        factor=squared_factor(*first),
        rows=_words(outputs, count),
    )


def thinned(subject: Subject, most: int) -> Subject:
    """Of more examples than that every so-many-th, from first to last."""
    whole = subject.about.examples
    if most < 1:
        raise FathomError(f"most={most}: a kernel needs at least one example.")
    if whole <= most:
        return subject
    chosen, start, cut = np.arange(most) * whole // most, 0, []
    for batch in subject._batches.all:
        rows = chosen[(chosen >= start) & (chosen < start + batch.size)] - start
        cut += [some_of(batch, rows.tolist())] if len(rows) else []
        start += batch.size
    return subject._on(subject._batches.on(cut, lambda t: t), f"{most} of {subject.about.data}")


def residual(subject: Subject, point: Tensor) -> Floats:
    """Prediction less target; of classes and chances the probabilities: [example, output].

    Of a target that is not to be met, such as -100, there is none.
    """
    with torch.no_grad(), subject._exactly():
        parts = [_residual(subject, point, batch) for batch in subject._batches.all]
        return subject.array(torch.cat(parts))


def _residual(subject: Subject, point: Tensor, batch: Batch) -> Tensor:
    found, target = predictions(subject, point, batch), _target(batch)
    if are_classes(found, target):
        wanted = torch.zeros_like(found).scatter_(1, target.clamp_min(0)[:, None], 1.0)
        found = (found.softmax(1) - wanted) * (target >= 0)[:, None]
    elif found.shape == target.shape:
        found = (found.sigmoid() if _takes_logits(subject, target) else found) - target
    else:
        raise FathomError(
            f"predictions of shape {[*found.shape]} and targets of {[*target.shape]}; what is "
            "left to learn can be told where they are alike, or where targets are classes."
        )
    return found.reshape(batch.size, -1)


def _takes_logits(subject: Subject, target: Tensor) -> bool:
    """By the recorded program, or by the live loss's class."""
    source = subject._batches.source
    if isinstance(getattr(source, "_loss", None), nn.BCEWithLogitsLoss):
        return True
    return reads_logits(source.words, subject.array(target))


def squared_factor(subject: Subject, point: Tensor) -> float:
    """What of Jᵀ(prediction - target) the loss's gradient is: 2 / numbers for MSELoss.

    Asked of the gradient itself, whatever the loss is called. NaN where it is no multiple: of
    another loss, or with a penalty on the weights.
    """
    gradient, pulled = subject.gradient_at(point).double(), torch.zeros_like(point).double()
    for batch in subject._batches.all:
        leaves, target = subject._leaves(point), _target(batch)
        with subject._exactly(smooth=True):
            found = predictions(subject, point, batch, leaves)
            if found.shape != target.shape or are_classes(found, target):
                return math.nan
            halves = (found - target).square().sum() / 2
            pulled += flat_gradient(halves, leaves, torch.float64)
    factor = float(gradient @ pulled / (pulled @ pulled)) if pulled.any() else math.nan
    apart = float((gradient - factor * pulled).norm())
    return factor if apart <= SQUARED * float(gradient.norm()) else math.nan


def _target(batch: Batch) -> Tensor:
    if "target" not in batch.inputs:
        raise FathomError(
            f"the batch has no target (it holds: {', '.join(batch.inputs)}); what is left to "
            "learn can be told of a loss(output, target) alone."
        )
    return batch.inputs["target"]


def _states(subject: Subject, points: Mapping[int, Tensor] | None) -> dict[int, State]:
    """Each with what else its snapshot holds: running statistics move too."""
    if points is not None:
        found = {step: (subject, point) for step, point in points.items()}
    else:
        moved = {step: subject.at(subject._folder, step) for step in subject.snapshots}
        found = {step: (other, other.centre) for step, other in moved.items()}
    found = {step: state for step, state in found.items() if bool(state[1].isfinite().all())}
    if len(found) < 2:
        raise FathomError(
            f"{len(found)} snapshots do not tell what was learnt (those of weights that are not "
            "finite do not count); add probes.Snapshots() to the Recorder, or give points={step: "
            "weights, …}."
        )
    return found


def _columns(whole: Floats, outputs: Outputs) -> Floats:
    """Of all outputs as rows, or one column for each that has the same kernel."""
    if outputs == "mean":
        return whole
    return whole.reshape(-1, 1) if outputs == "all" else whole[:, [outputs]]


def _words(outputs: Outputs, count: int) -> str:
    if count == 1:
        return "an example"
    if outputs == "all":
        return f"one of {count} outputs of an example"
    return "an example, by the mean over outputs" if outputs == "mean" else f"output {outputs}"
