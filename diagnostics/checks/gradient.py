"""Does backward agree with forward? The loss's slope in float64, over a ladder of step sizes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.kept import doubled_by_default, seeded
from diagnostics.checks.passes import Call, Pass, gradients, nodes, watched
from diagnostics.checks.setup import Scene, Setup, changed, device_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.gradient")
LADDER = tuple(10.0**-power for power in range(1, 9))
BEST, LEAST = 1e-6, 3  # the step size that a kink seldom lies within, and how many it takes
EXACT = 1e-6  # agreement beyond which smaller steps tell nothing new
DIRECTIONS = 3
AT_A_KINK = 3e-7  # so near, slopes to both sides differ only where the point itself is a kink


@dataclass(frozen=True)
class Slope:
    """Along one direction: what backward says, what differences say, and how far they agree."""

    derivative: float
    difference: float
    error: float  # relative, at the step size where it is least
    kinks: int  # step sizes at which the slopes to both sides differ
    steps: int  # that were tried
    flat: bool  # nothing changes at the smallest step: piecewise constant


def gradient(setup: Setup) -> Answer:
    """Is the gradient that of the loss?"""
    with setup.scene() as scene, torch.autocast(device_of(setup.model).type, enabled=False):
        if not scene.own:
            raise CannotAsk("the model cannot be copied, and so not be had in float64")
        scene.model.double()
        scene.batch = changed(scene.batch, _double)
        with doubled_by_default():
            begun = time.monotonic()
            seen = watched(scene)
            ladder = affordable(time.monotonic() - begun, setup.left / 4)
            if not seen.loss.isfinite() or not seen.loss.requires_grad:
                raise CannotAsk("the loss is not finite, or has no gradient at all")
            slopes = _slopes(scene, seen, ladder, setup.left / 4)
            if max(slope.error for slope in slopes) > LIMITS["error"]:
                slopes = _better(slopes, _slopes(scene, watched(scene.train(False)), ladder))
            own = user_functions(seen.loss)
            faults = [*_faults(seen)] if own else []
    worst = max(slopes, key=lambda s: s.error)
    number = Evidence("relative error of the gradient", worst.error, LIMITS["error"], "above")
    kinks = sum(slope.kinks for slope in slopes)
    told = (
        f"Backward and differences in float64 agree to {max(worst.error, 1e-12):.1g}; {kinks} of "
        f"{sum(slope.steps for slope in slopes)} steps crossed a kink."
    )
    return Answer(told, (number,), tuple(_verdict(number, own, faults)))


def _better(training: list[Slope], answering: list[Slope]) -> list[Slope]:
    """In training mode a forward may change what it goes by, as spectral normalisation does."""
    return min(training, answering, key=lambda slopes: max(each.error for each in slopes))


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _slopes(scene: Scene, seen: Pass, ladder: Sequence[float], seconds: float = 0.0) -> list[Slope]:
    """Along some directions: one at least, and more while there is time."""
    begun = time.monotonic()
    trained = [*scene.trained.values()]
    found = gradients(seen, trained)
    slopes = []
    for seed in range(DIRECTIONS):
        generator = torch.Generator().manual_seed(seed)
        along = [_direction(p, generator) for p in trained]
        pairs = zip(found, along, strict=True)
        derivative = sum(float((g * v).sum()) for g, v in pairs if g is not None)

        def loss_at(step: float, along: list[Tensor] = along) -> float:
            return _moved(scene, trained, along, step)

        slopes.append(slope(loss_at, derivative, ladder))
        if time.monotonic() - begun > seconds:
            break
    return slopes


def _direction(parameter: Tensor, generator: torch.Generator) -> Tensor:
    """As large as the weights, so that a step size is a share of them."""
    noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    size = float(parameter.detach().square().mean().sqrt()) or 0.01
    return (noise * size).to(parameter.device)


def _moved(scene: Scene, trained: list[nn.Parameter], along: list[Tensor], step: float) -> float:
    kept = [t.detach().clone() for t in (*trained, *scene.model.buffers())]
    with torch.no_grad():
        for parameter, vector in zip(trained, along, strict=True):
            parameter.add_(vector, alpha=step)
    try:
        return float(scene.run()[0].detach())
    finally:
        with torch.no_grad():
            for tensor, value in zip((*trained, *scene.model.buffers()), kept, strict=True):
                tensor.copy_(value)


def affordable(each: float, seconds: float) -> list[float]:
    """The step sizes there is time for, two passes each; those that decide most often first."""
    many = int(seconds / (2 * max(each, 1e-9)))
    if many < LEAST:
        raise CannotAsk(f"one pass in float64 takes {each:.2g} s, and there is no time")
    return sorted(
        sorted(LADDER, key=lambda step: abs(math.log10(step / BEST)))[:many], reverse=True
    )


def slope(
    loss_at: Callable[[float], float], derivative: float, ladder: Sequence[float] = LADDER
) -> Slope:
    """Central differences at each step size; one-sided ones tell kinks, where any slope between
    the two is a gradient.
    """
    here, best, difference, kinks, tried, flat = loss_at(0.0), math.inf, math.nan, 0, 0, False
    for step in ladder:
        tried += 1
        above, below = loss_at(step), loss_at(-step)
        central, right, left = (
            (above - below) / (2 * step), (above - here) / step, (here - below) / step,
        )  # fmt: skip
        noise = 1e-13 * max(1.0, abs(here)) / step
        scale = max(abs(derivative), abs(central), 1e-12)
        kinks += abs(right - left) > LIMITS["kink"] * scale + 10 * step * scale + noise
        low, high = sorted((left, right)) if step < AT_A_KINK else (central, central)
        error = max(0.0, low - derivative - noise, derivative - high - noise) / scale
        flat = above == below == here
        if error < best:
            best, difference = error, central
        if best < EXACT and not flat:
            break
    return Slope(derivative, difference, best, kinks, tried, flat)


def user_functions(tensor: Tensor) -> list[str]:
    """Names of the user's own autograd functions behind a tensor."""
    found: dict[str, None] = {}
    for node in nodes(tensor.grad_fn):
        if hasattr(node, "_forward_cls"):
            found[node._forward_cls.__name__] = None
    return [*found]


def _faults(seen: Pass) -> Iterator[tuple[str, str, Slope]]:
    """Modules with a function of the user's whose own backward is wrong."""
    for call in seen.calls:
        given = call.given
        if (
            given is None
            or not given.is_floating_point()
            or any(True for _ in call.module.children())
        ):
            continue
        ends = frozenset({given.grad_fn} - {None})
        inside = [n for n in nodes(call.output.grad_fn, ends) if hasattr(n, "_forward_cls")]
        if inside:
            found = _alone(call)
            if found.error > LIMITS["error"] and not found.flat:  # else it is straight-through
                yield call.name, inside[0]._forward_cls.__name__, found


def _alone(call: Call) -> Slope:
    """The module by itself, along a random mix of its outputs and a random move of its input."""
    assert call.given is not None
    given = call.given.detach().double().requires_grad_()
    generator = torch.Generator().manual_seed(1)
    vector = torch.randn(given.shape, generator=generator, dtype=torch.float64).to(given.device)

    def mixed(at: Tensor) -> Tensor:
        seeded()
        output = call.module(at)
        weights = torch.linspace(1.0, 2.0, output.numel(), dtype=torch.float64).to(at.device)
        found: Tensor = (output.flatten() * weights).sum()
        return found

    (derivative,) = torch.autograd.grad(mixed(given), given)

    def loss_at(step: float) -> float:
        return float(mixed(given.detach() + step * vector))

    return slope(loss_at, float((derivative * vector).sum()))


def _verdict(
    number: Evidence, own: list[str], faults: list[tuple[str, str, Slope]]
) -> Iterator[Finding]:
    if faults:
        _, function, found = faults[0]
        error = Evidence("relative error of its backward", found.error, LIMITS["error"], "above")
        yield _wrong(function, found, [error, number], [each[0] for each in faults])
    elif number.value > number.threshold:
        yield _other(number, own)


def _wrong(function: str, found: Slope, numbers: list[Evidence], layers: list[str]) -> Finding:
    return noticed(
        "wrong_gradient",
        "error",
        Words(
            f"The backward of {function} disagrees with its forward: along one direction it gives "
            f"{found.derivative:.3g}, and differences {found.difference:.3g}.",
            "What it gives is not the derivative of what it computes: the optimizer follows a "
            "direction that does not lower the loss.",
            "Mend it until this passes, in float64:\n"
            f"    torch.autograd.gradcheck({function}.apply, inputs)",
        ),
        numbers,
        layers,
        0.98,
    )


def _other(number: Evidence, own: list[str]) -> Finding:
    """Stop-gradients and straight-through estimators disagree on purpose."""
    known = f"one of {', '.join(own)}" if own else "a detach(), or something in place"
    return noticed(
        "wrong_gradient",
        "hint",
        Words(
            "The gradient is not the slope of the loss.",
            f"Something between them is left out of backward: {known}; it may be meant, as with a "
            "stop-gradient.",
            "If it is not, look for .detach(), .data and torch.no_grad() in forward and loss.",
        ),
        [number],
        confidence=0.6,
    )
