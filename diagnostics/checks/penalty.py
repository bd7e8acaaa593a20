"""The part of a loss that looks at the weights themselves: does it pay them to grow?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.setup import Scene, Setup, pair_of
from diagnostics.checks.task import task_of
from diagnostics.finding import Evidence
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.penalty")


def penalty(setup: Setup) -> Answer:
    """With the outputs held fixed, what is left of the gradient is a penalty's on the weights."""
    with setup.scene() as scene:
        prediction = scene.run()[1]
        task_of(scene, prediction)
        found = _direct(scene, prediction)
        weights = [p.detach() for p in scene.trained.values()]
    pairs = [(w.double(), g.double()) for w, g in zip(weights, found, strict=True) if g is not None]
    along = sum(float((w * g).sum()) for w, g in pairs)
    lengths = [
        math.sqrt(sum(float(part.square().sum()) for part in side))
        for side in zip(*pairs, strict=True)
    ]
    if not pairs or min(lengths) == 0:
        return Answer("The loss has no part that looks at the weights themselves.")
    cosine = Evidence(
        "cosine of the penalty's gradient with the weights", along / math.prod(lengths),
        LIMITS["cosine"], "below",
    )  # fmt: skip
    told = "The loss has a part that looks at the weights themselves"
    if cosine.value >= cosine.threshold:
        return Answer(f"{told}, and holds them back.", (cosine,))
    finding = noticed(
        "weight_blowup",
        "error",
        Words(
            "The penalty on the weights lowers the loss the larger they are.",
            "Its sign is wrong: growing weights are paid for, without bound.",
            "Add the penalty, do not subtract it:\n"
            "    loss = loss + 1e-4 * sum(p.square().sum() for p in model.parameters())",
        ),
        [cosine],
    )
    return Answer(f"{told}, and pays them to grow.", (cosine,), (finding,))


def _direct(scene: Scene, prediction: Tensor | None) -> list[Tensor | None]:
    _, target = pair_of(scene.loss, scene.batch)
    if prediction is None or not callable(scene.loss):
        raise CannotAsk("the loss is not a function of outputs and targets alone")
    loss = scene.loss(prediction.detach(), target.clone())
    trained = [*scene.trained.values()]
    if not loss.requires_grad:
        return [None] * len(trained)
    return [*torch.autograd.grad(loss, trained, allow_unused=True)]
