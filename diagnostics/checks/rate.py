"""The learning rate beside what this loss can bear: 2/λmax, or the size of the weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.settings import momentum_of, number
from diagnostics.checks.setup import Scene, Setup, device_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.lanczos import leading
from diagnostics.subject import Subject
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.rate")
ADAPTIVE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Lion")


def rate(setup: Setup) -> Answer:
    """Is the rate one that this loss can bear?"""
    if len(setup.optimizers) != 1:
        raise CannotAsk(f"it is asked of one optimizer, and {len(setup.optimizers)} were given")
    (optimizer,) = setup.optimizers
    with setup.scene() as scene, torch.autocast(device_of(setup.model).type, enabled=False):
        (twin,) = scene.optimizers
        if type(optimizer).__name__ in ADAPTIVE:
            return _by_size(scene, twin)
        if not isinstance(optimizer, SGD):
            raise CannotAsk(f"of {type(optimizer).__name__} no limit is known")
        return _by_curvature(scene, twin, setup.left / 4)


def _held(
    scene: Scene, optimizer: Optimizer
) -> Iterator[tuple[str, nn.Parameter, dict[str, object]]]:
    """The model's parameters that the optimizer moves."""
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in scene.trained.items():
        if id(parameter) in groups:
            yield name, parameter, groups[id(parameter)]


def _by_size(scene: Scene, optimizer: Optimizer) -> Answer:
    """A step of Adam's first is as long as the rate in every weight, whatever the gradient."""
    sizes = {
        name: number(group["lr"]) / float(parameter.detach().double().square().mean().sqrt())
        for name, parameter, group in _held(scene, optimizer)
        if parameter.ndim > 1 and parameter.detach().abs().max() > 0
    }
    if not sizes:
        raise CannotAsk("the optimizer holds no weight matrix of this model")
    middle = sorted(sizes.values())[len(sizes) // 2]
    share = Evidence("first step / weights", middle, LIMITS["step_high"], "above")
    told = f"The first step changes a typical weight by {middle:.2g} of its size."
    if share.value > share.threshold:
        return Answer(told, (share,), (_too_high(told, [share]),))
    if middle < LIMITS["step_low"]:
        low = Evidence("first step / weights", middle, LIMITS["step_low"], "below")
        return Answer(told, (low,), (_too_low(told, low),))
    return Answer(told, (share,))


def _by_curvature(scene: Scene, optimizer: Optimizer, seconds: float) -> Answer:
    held = {name: group for name, _, group in _held(scene, optimizer)}
    if not held:
        raise CannotAsk("the optimizer holds no parameter of this model")
    subject = Subject(scene.model, scene.loss, scene.batch, statistics="batch")
    parts = [
        torch.full((piece.stop - piece.start,), _root_rate(held.get(piece.name)))
        for piece in subject.pieces
    ]
    roots = torch.cat(parts).to(subject.centre)
    product = subject.hessian_at(subject.centre)
    most = _affordable(lambda: product(roots), seconds)
    found = leading(
        subject, lambda v: roots * product(roots * v), 1, tolerance=LIMITS["tolerance"], most=most
    )
    momentum = momentum_of(optimizer.param_groups[0])
    steepest = float(found.values[0])
    if not steepest > 0:
        return Answer(
            "The loss is curved nowhere upwards at its start; no rate is too high for it."
        )
    limit = 2 * (1 + momentum)  # of rate times curvature, for gradient descent with momentum
    ratio = Evidence("rate / 2(1 + momentum)/λmax", steepest / limit, LIMITS["ratio"], "above")
    top = number(optimizer.param_groups[0]["lr"])
    stable = top / ratio.value
    told = f"The rate {top:.3g} is {ratio.value:.3g} times the largest stable one, {stable:.3g}."
    if ratio.value > ratio.threshold:
        return Answer(told, (ratio,), (_too_high(told, [ratio]),))
    if ratio.value < LIMITS["ratio_low"]:
        low = Evidence("rate / 2(1 + momentum)/λmax", ratio.value, LIMITS["ratio_low"], "below")
        return Answer(told, (low,), (_too_low(told, low),))
    return Answer(told, (ratio,))


def _root_rate(group: dict[str, object] | None) -> float:
    """Parameters that are not held do not move: along them nothing is curved."""
    return 0.0 if group is None else number(group["lr"]) ** 0.5


def _affordable(product: Callable[[], Tensor], seconds: float) -> int:
    """How many products there is time for, by the time of one."""
    begun = time.monotonic()
    float(product().sum())
    each = max(1e-6, time.monotonic() - begun)
    many = int(seconds / each)
    if many < LIMITS["products"]:
        raise CannotAsk(f"one product with the Hessian takes {each:.2g} s, and there is no time")
    return min(many, 100)


def _too_high(symptom: str, numbers: list[Evidence]) -> Finding:
    return noticed(
        "lr_too_high",
        "warning",
        Words(
            symptom,
            "Steps that long overshoot from the first one on: the loss rises, units die, or "
            "weights are replaced rather than trained; unless gradients are clipped.",
            "Divide the rate by 3 to 10, and warm it up:\n"
            "    torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=100)",
        ),
        numbers,
        confidence=0.8,
    )


def _too_low(symptom: str, low: Evidence) -> Finding:
    return noticed(
        "lr_too_low",
        "hint",
        Words(
            symptom,
            "So short a step may take longer to learn than the run lasts, unless a warm-up is on.",
            "Try ten times the rate.",
        ),
        [low],
        confidence=0.5,
    )
