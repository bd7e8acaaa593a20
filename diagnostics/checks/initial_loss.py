"""The first loss beside what a network that knows nothing should have."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diagnostics.checks.answer import Answer
from diagnostics.checks.passes import rms, watched
from diagnostics.checks.setup import Setup
from diagnostics.checks.task import Task, matters, task_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.initial_loss")
TINY = 1e-6  # a standard error of float32's rounding, where all logits are alike


def initial_loss(setup: Setup) -> Answer:
    """Is the loss where ignorance puts it?"""
    with setup.scene() as scene, torch.no_grad():
        scene.train()
        seen = watched(scene)
        if not seen.loss.isfinite():
            return _nonfinite(float(seen.loss))
        task = task_of(scene, seen.prediction)
        if task.on_logits:
            return _of_classes(task)
        return _of_distance(task) if task.is_distance and matters(task) else _plain(seen.loss)


def _plain(loss: Tensor) -> Answer:
    value = float(loss)
    return Answer(f"The first loss is {value:.4g}; what it should be is not known of such a loss.")


def _nonfinite(value: float) -> Answer:
    number = Evidence("first loss", value, math.inf, "above")
    words = Words(
        f"The first loss is {value}.",
        "An operation left the range of its numbers before anything was learnt: a log of 0, a "
        "division by 0, an overflow, or inputs that are not finite.",
        "Find the first module with such an output; use forms that cannot overflow:\n"
        "    torch.logsumexp(x, 1); (x + 1e-8).log(); F.logsigmoid(x)",
    )
    return Answer(words.symptom, (number,), (noticed("nonfinite_loss", "error", words, [number]),))


def expected_of(logits: Tensor) -> tuple[float, float]:
    """Cross-entropy of these logits if they know nothing of the labels; and to second order.

    Over labels drawn evenly it is log Σ exp z less the mean z, exactly. Of logits of variance v
    that is log C + v/2 · (1 - 1/C) + …
    """
    rows = logits.detach().double()
    exact = torch.logsumexp(rows, 1) - rows.mean(1)
    classes = rows.shape[1]
    variance = rows.var(1, correction=1).mean()
    return float(exact.mean()), math.log(classes) + float(variance) / 2 * (1 - 1 / classes)


def _of_classes(task: Task) -> Answer:
    axis = task.class_axis
    assert axis is not None
    logits = task.output.detach().movedim(axis, -1).flatten(0, -2)
    counted = task.target.flatten() >= 0
    logits, target = logits[counted].double(), task.target.flatten()[counted]
    each = torch.logsumexp(logits, 1) - logits.gather(1, target[:, None])[:, 0]
    error = max(TINY, float(each.std() / len(each) ** 0.5)) if len(each) > 1 else math.inf
    value, ignorant = task.of(task.output.detach()), task.of(torch.zeros_like(task.output))
    expected, second = expected_of(logits)
    excess = Evidence("loss less that of even odds", value - ignorant, _room(ignorant), "above")
    numbers = (
        excess,
        Evidence("in standard errors", (value - ignorant) / error, LIMITS["errors"], "above"),
        Evidence("expected of such logits", expected, value, "above"),
        Evidence("log C + v/2 (1 - 1/C)", second, value, "above"),
    )
    told = (
        f"The first loss is {value:.4g} ± {error:.2g}; even odds over {task.classes} classes have "
        f"{ignorant:.4g}, ignorant logits of this size {expected:.4g}."
    )
    wrong = excess.value > excess.threshold and excess.value > LIMITS["errors"] * error
    return Answer(told, numbers, (_too_large(numbers[:2], rms(logits)),) if wrong else ())


def _room(ignorant: float) -> float:
    return LIMITS["excess"] * abs(ignorant)


def _of_distance(task: Task) -> Answer:
    target = task.target.to(task.output.dtype)
    value, constant = task.of(task.output.detach()), task.of(target.mean(0).expand_as(target))
    if not constant > 0:
        return Answer(f"The first loss is {value:.4g}; all targets are alike.")
    ratio = Evidence("loss / the best constant's", value / constant, LIMITS["ratio"], "above")
    told = f"The first loss is {value:.4g}; the best constant has {constant:.4g}."
    size = rms(task.output)
    wrong = ratio.value > ratio.threshold and size > LIMITS["size"] * rms(target)
    return Answer(told, (ratio,), (_too_large((ratio,), size),) if wrong else ())


def _too_large(numbers: tuple[Evidence, ...], size: float) -> Finding:
    return noticed(
        "bad_init_scale",
        "warning",
        Words(
            f"The first outputs are far too large (rms {size:.3g}): the loss begins far above that "
            "of a network that knows nothing.",
            "Weights drawn too large, or inputs too large, make the outputs sure of nothing but "
            "noise; the first steps go into unlearning it.",
            "Draw the last layer small, and the others by their fan:\n"
            "    nn.init.kaiming_normal_(layer.weight); nn.init.zeros_(head.weight)",
        ),
        numbers,
        confidence=0.85,
    )
