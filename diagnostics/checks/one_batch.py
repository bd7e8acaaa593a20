"""Can the model learn one batch by heart? With your optimizer's settings, and with Adam's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.optim import Adam, Optimizer

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import watched
from diagnostics.checks.setup import Scene, Setup, rows_of
from diagnostics.checks.task import Task, task_of
from diagnostics.checks.units import dead
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.one_batch")
RATES = (1e-3, 1e-2, 1e-1)
SHARE = 0.5  # of the time left, for all the trials


@dataclass(frozen=True)
class Trial:
    """One way of learning the batch."""

    told: str
    losses: tuple[float, ...]
    dead: dict[str, float]  # by layer: the share of ReLU units silent on all of the batch

    @property
    def peak(self) -> float:
        """The highest loss over the first; infinite if they left the numbers."""
        finite = all(map(math.isfinite, self.losses)) and self.losses[0] > 0
        return max(self.losses) / self.losses[0] if finite else math.inf

    @property
    def end(self) -> float:
        """The last losses' middle; infinite if they left the numbers."""
        last = sorted(self.losses[-5:])
        return last[len(last) // 2] if last and all(map(math.isfinite, last)) else math.inf


def one_batch(setup: Setup) -> Answer:
    """Does the loss of one batch fall well below that of the best constant?"""
    if setup.optimizers and len(setup.optimizers) != 1:
        raise CannotAsk("several optimizers take turns in a way that only the loop knows")
    budget = SHARE * setup.left / (len(RATES) + len(setup.optimizers))
    trials: list[Trial] = []
    constant = _constant(setup)
    goal = LIMITS["learnt"] * constant
    for name, make in _ways(setup):
        with setup.scene() as scene:
            if not scene.own:
                raise CannotAsk("the model cannot be copied, and training would change it")
            trials.append(_trial(name, scene, make(scene), (goal, budget)))
        if trials[-1].end < goal:
            break
    best = min(trials, key=lambda trial: trial.end)
    reached = Evidence(
        "loss of one batch / best constant's", best.end / constant, LIMITS["learnt"], "above"
    )
    told = (
        f"Of one batch the loss falls to {best.end:.3g} with {best.told} in {len(best.losses)} "
        f"steps; the best constant has {constant:.3g}."
    )
    if reached.value > reached.threshold and len(best.losses) < LIMITS["enough"]:
        told += " There was no time for more steps."
    return Answer(told, (reached,), tuple(_verdicts(setup, trials, reached)))


Make = Callable[[Scene], Optimizer]


def _ways(setup: Setup) -> Iterator[tuple[str, Make]]:
    if setup.optimizers:
        yield "your optimizer", lambda scene: scene.optimizers[0]
    for rate in RATES:
        yield f"Adam at {rate:g}", lambda scene, rate=rate: Adam([*scene.trained.values()], lr=rate)  # type: ignore[misc]


def _constant(setup: Setup) -> float:
    """The loss of the best output that is the same for all examples."""
    with setup.scene() as scene, torch.no_grad():
        found = _best_constant(task_of(scene, watched(scene.train()).prediction))
    if not found > LIMITS["constant"]:
        raise CannotAsk("a constant answer has no loss to speak of: the targets are all alike")
    return found


def _best_constant(task: Task) -> float:
    if task.on_logits:
        axis = task.class_axis
        assert axis is not None
        counts = torch.bincount(task.target[task.target >= 0].flatten(), minlength=task.classes)
        logits = (counts.double() / counts.sum()).clamp_min(1e-6).log().to(task.output.dtype)
        shape = [1] * task.output.ndim
        shape[axis] = task.classes
        return task.of(logits.reshape(shape).expand_as(task.output).contiguous())
    if task.is_distance:
        target = task.target.to(task.output.dtype)
        return task.of(target.mean(0).expand_as(target).contiguous())
    raise CannotAsk("the loss of a constant answer is not known of such a loss")


def _trial(told: str, scene: Scene, optimizer: Optimizer, until: tuple[float, float]) -> Trial:
    """Steps on the copy; its .grad alone is written to."""
    scene.train()
    begun, losses, (goal, seconds) = time.monotonic(), [], until
    trained = [*scene.trained.values()]
    for step in range(int(LIMITS["steps"])):
        loss = scene.run(seed=step)[0]
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]) or time.monotonic() - begun > seconds:
            break
        if max(losses[-5:]) < goal and step >= 5:
            break
        if not loss.requires_grad or not trained:
            break
        found = torch.autograd.grad(loss, trained, allow_unused=True)
        for parameter, gradient in zip(trained, found, strict=True):
            parameter.grad = gradient
        optimizer.step()
    return Trial(told, tuple(losses), _dead(scene))


def _dead(scene: Scene) -> dict[str, float]:
    if rows_of(scene.batch) < LIMITS["rows"]:
        return {}  # of few examples a unit is silent by chance
    with torch.no_grad():
        return dead(watched(scene.train(False)))


def _verdicts(setup: Setup, trials: list[Trial], reached: Evidence) -> Iterator[Finding]:
    tried = int(LIMITS["enough"])
    if setup.optimizers:
        yield from _with_your_settings(trials[0])
    if reached.value > reached.threshold and max(len(t.losses) for t in trials) >= tried:
        yield noticed(
            "underfitting",
            "hint",
            Words(
                "The model does not learn a single batch by heart, with any rate tried.",
                "What cannot learn these few examples lacks capacity or a way for the gradient, or "
                "inputs and targets do not reach it as they are meant to.",
                "Look at the other findings first; then try a wider model, without dropout.",
            ),
            [reached],
            confidence=0.6,
        )


def _with_your_settings(trial: Trial) -> Iterator[Finding]:
    rises = Evidence("highest loss / first", trial.peak, LIMITS["rises"], "above")
    if rises.value > rises.threshold:
        yield _rising(rises)
    worst = sorted(
        (n for n in trial.dead if trial.dead[n] > LIMITS["dead"]), key=trial.dead.__getitem__
    )
    if worst:
        share = Evidence("dead in the worst layer", trial.dead[worst[-1]], LIMITS["dead"], "above")
        yield _dying(share, worst[::-1], len(trial.losses))


def _rising(rises: Evidence) -> Finding:
    return noticed(
        "lr_too_high",
        "warning",
        Words(
            "Trained on this one batch with your optimizer's settings the loss rises to "
            f"{rises.value:.3g} times the first.",
            "Steps overshoot even without the noise of other batches.",
            "Divide the rate by 3 to 10:\n    torch.optim.SGD(model.parameters(), lr=rate / 10)",
        ),
        [rises],
        confidence=0.85,
    )


def _dying(share: Evidence, layers: list[str], steps: int) -> Finding:
    return noticed(
        "dead_relu",
        "warning",
        Words(
            f"Within {steps} steps on this one batch, with your optimizer's settings, "
            f"{share.value:.0%} of a layer's ReLU units die.",
            "A step too long moves them to where they are zero for every example; there they get "
            "no gradient, and stay so.",
            "Divide the rate by 10, warm it up, normalise the inputs, or use LeakyReLU:\n"
            "    nn.LeakyReLU(0.01)",
        ),
        [share],
        layers,
        0.85,
    )
