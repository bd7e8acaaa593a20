"""What is asked for: targets' scale, classes that are rare, batches that are no mix of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import watched
from diagnostics.checks.setup import Setup, pair_of
from diagnostics.checks.task import matters, task_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.targets")
DRAWS = 20  # of shuffled labels, to compare with


def targets(setup: Setup) -> Answer:
    """Are the targets such as a loss can be lowered on, and each batch a fair sample of them?"""
    found = [pair_of(setup.loss, batch)[1] for batch in (setup.batch, *setup.batches)]
    there = [t.detach().cpu() for t in found if isinstance(t, Tensor) and t.numel()]
    if not there:
        raise CannotAsk("the targets are not one tensor")
    if there[0].is_floating_point():
        return _numbers(setup, there)
    if there[0].ndim != 1 or there[0].dtype == torch.bool:
        raise CannotAsk("the targets are neither numbers nor one class an example")
    return _classes([t.numpy() for t in there if t.ndim == 1])


def _numbers(setup: Setup, there: list[Tensor]) -> Answer:
    flat = torch.cat([t.double().flatten() for t in there])
    if not flat.isfinite().all():
        return Answer("Targets are not finite.", (), (_broken(int((~flat.isfinite()).sum())),))
    scale = Evidence(
        "rms of the targets", float(flat.square().mean().sqrt()), LIMITS["rms"], "above"
    )
    told = f"The targets' rms is {scale.value:.3g}."
    if scale.value <= LIMITS["rms"]:
        return Answer(told, (scale,))
    with setup.scene() as scene, torch.no_grad():
        task = task_of(scene, watched(scene).prediction)
        if not task.is_distance or not matters(task):
            return Answer(told, (scale,))
    return Answer(told, (scale,), (_unnormalised(scale),))


def _classes(there: list[NDArray[np.int64]]) -> Answer:
    labels = np.concatenate(there)
    labels = labels[labels >= 0]  # below are those to be left out
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    ratio = float(counts.max() / counts.min()) if len(counts) else 1.0
    rare = Evidence("commonest class / rarest", ratio, LIMITS["imbalance"], "above")
    findings = [_imbalance(rare)] if ratio > LIMITS["imbalance"] else []
    numbers = [rare]
    for mix in _mix(there, labels):
        numbers.append(mix)
        findings += [_unshuffled(mix)] if mix.value < mix.threshold else []
    told = f"There are {len(counts)} classes in {len(labels)} targets."
    return Answer(told, tuple(numbers), tuple(findings))


def _mix(there: list[NDArray[np.int64]], labels: NDArray[np.int64]) -> Iterator[Evidence]:
    """How many classes a batch mixes, beside batches of the same labels shuffled."""
    batches = [each for each in there if len(each) >= LIMITS["rows"]]
    if len(batches) < LIMITS["batches"] or len(np.unique(labels)) < 2:
        return
    random, all_of = np.random.default_rng(0), np.concatenate(batches)
    cuts = np.cumsum([len(each) for each in batches])[:-1]
    shuffled = [
        _entropy(part) for _ in range(DRAWS) for part in np.split(random.permutation(all_of), cuts)
    ]
    usual = float(np.mean(shuffled))
    mean = float(np.mean([_entropy(each) for each in batches]))
    yield Evidence("mix of classes in a batch", mean / usual, LIMITS["mix"], "below")


def _entropy(labels: NDArray[np.int64]) -> float:
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log(shares)).sum())


def _broken(count: int) -> Finding:
    return noticed(
        "nan_inputs",
        "error",
        Words(
            f"{count} targets are not finite.",
            "A target that is NaN makes the loss NaN.",
            "Drop the examples that have no target.",
        ),
        [Evidence("targets that are not finite", count, 0, "above")],
        confidence=1.0,
    )


def _unnormalised(scale: Evidence) -> Finding:
    return noticed(
        "unnormalised_targets",
        "warning",
        Words(
            f"The targets' rms is {scale.value:.3g}, where a fresh network's outputs are near 1.",
            "The first errors, and so the first gradients, are as large as the targets.",
            "Standardise them, and undo it on predictions:\n    y = (y - y.mean()) / y.std()",
        ),
        [scale],
    )


def _imbalance(rare: Evidence) -> Finding:
    return noticed(
        "class_imbalance",
        "hint",
        Words(
            f"The commonest class is {rare.value:.3g} times as frequent as the rarest.",
            "A network that never predicts the rare class has a low loss already.",
            "Watch each class's recall; weight the loss or balance the batches:\n"
            "    nn.CrossEntropyLoss(weight=1 / counts)",
        ),
        [rare],
        confidence=0.7,
    )


def _unshuffled(mix: Evidence) -> Finding:
    return noticed(
        "unshuffled_data",
        "warning",
        Words(
            f"A batch mixes {mix.value:.0%} of what shuffled batches of the same labels would.",
            "The data come sorted: each class is learnt, and forgotten while the next one comes.",
            "Shuffle:\n    DataLoader(dataset, batch_size=64, shuffle=True)",
        ),
        [mix],
    )
