"""A function's derivative along random directions: by differences, and as its backward pass says.

Differences are central, in double precision where the function can, over steps from a hundredth of
the inputs' size to a millionth; the two rungs that agree best tell the slope, and if none do,
nothing is said. Inputs are moved a little away from zero, where kinks lie and many inputs are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from probes.named_tensors import named_tensors

LADDER = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # of the root mean square of what is moved
FLAT = 1e-3  # by which two rungs may differ
DIRECTIONS = 3  # of which the median counts: one may lead across a kink
AWAY = 1e-2  # from zero, of the root mean square


@dataclass(frozen=True)
class Derivative:
    """Along one direction, by differences and by the backward pass."""

    slope: float
    said: float

    @property
    def error(self) -> float:
        """Relative to the larger: 0 where they are the same, 1 where one is 0."""
        largest = max(abs(self.slope), abs(self.said))
        return abs(self.slope - self.said) / largest if largest else 0.0

    @property
    def is_straight_through(self) -> bool:
        """A function of steps, whose backward pass tells of another one, knowingly."""
        return self.slope == 0 != self.said


def derivative(
    function: Callable[..., Any], inputs: Sequence[Any], wanted: Sequence[int], seed: int = 0
) -> Derivative | None:
    """By those of the inputs whose places are `wanted`, the one with the greatest error.

    None where it cannot be told: the function fails, is not smooth, or has no gradient there.
    """
    for dtype in (torch.float64, torch.float32):
        with suppress(Exception):  # it may be made for one type of number only
            found = _Trial(function, inputs, wanted, dtype).derivatives(seed).values()
            return max(found, key=lambda one: (one.is_straight_through, one.error), default=None)
    return None


class _Trial:
    """The function around one point, in one precision."""

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        wanted: Sequence[int],
        dtype: torch.dtype,
    ) -> None:
        self._function = function
        self._inputs = [_cast(value, dtype) for value in inputs]
        self._wanted = wanted
        tensors = [value for value in self._inputs if isinstance(value, Tensor)]
        self._devices = sorted({t.device.index or 0 for t in tensors if t.is_cuda})

    def derivatives(self, seed: int) -> dict[int, Derivative]:
        """By each input that is wanted, if it can be told."""
        generator = torch.Generator().manual_seed(seed)
        for n in self._wanted:
            self._inputs[n] = _off_zero(self._inputs[n], generator)
        seen: dict[int, list[Derivative]] = {n: [] for n in self._wanted}
        for _ in range(DIRECTIONS):
            for n, found in self._along_one(generator).items():
                seen[n].append(found)
        return {n: _median(found) for n, found in seen.items() if 2 * len(found) > DIRECTIONS}

    def _along_one(self, generator: torch.Generator) -> dict[int, Derivative]:
        """By every input along a direction of its own, of one weighting of the outputs."""
        leaves = {n: self._inputs[n].detach().requires_grad_() for n in self._wanted}
        with torch.enable_grad():
            outputs = self._run(leaves)
        places = [n for n, output in enumerate(outputs) if output.requires_grad]
        weights = {n: _normal(outputs[n], generator) for n in places}
        gradients = torch.autograd.grad(
            [outputs[n] for n in places], list(leaves.values()), list(weights.values()),
            allow_unused=True,
        )  # fmt: skip
        found = {}
        for n, gradient in zip(leaves, gradients, strict=True):
            if gradient is not None:  # else none is said to be there, which is no wrong one
                way = _normal(self._inputs[n], generator) * _size(self._inputs[n])
                told = _plateau([self._slope(n, way * step, weights) / step for step in LADDER])
                said = _dot(gradient, way)
                if told is not None and _is_flat(*told, said):
                    found[n] = Derivative(told[0], said)
        return found

    @torch.no_grad()
    def _slope(self, n: int, move: Tensor, weights: Mapping[int, Tensor]) -> float:
        after, before = (self._run({n: self._inputs[n] + sign * move}) for sign in (1, -1))
        return sum(_dot(after[k] - before[k], weight) for k, weight in weights.items()) / 2

    def _run(self, moved: Mapping[int, Tensor]) -> list[Tensor]:
        """With the same random numbers every time; the function may write into what it is given."""
        given = [moved.get(n, value) for n, value in enumerate(self._inputs)]
        with torch.random.fork_rng(self._devices):
            output = self._function(*[v.clone() if isinstance(v, Tensor) else v for v in given])
        return [tensor for _, tensor in named_tensors("", output)]


def _plateau(slopes: Sequence[float]) -> tuple[float, float] | None:
    """The slope at the two rungs that agree best, and how well they do."""
    pairs = [(b, abs(a - b)) for a, b in pairwise(slopes) if math.isfinite(a) and math.isfinite(b)]
    return min(pairs, key=lambda pair: pair[1], default=None)


def _is_flat(slope: float, spread: float, said: float) -> bool:
    return math.isfinite(said) and spread <= FLAT * max(abs(slope), abs(said))


def _median(found: Sequence[Derivative]) -> Derivative:
    return sorted(found, key=lambda one: one.error)[len(found) // 2]


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().to(dtype) if value.is_floating_point() else value.detach()


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def _size(values: Tensor) -> float:
    return float(values.square().mean().sqrt()) or 1.0


def _off_zero(values: Tensor, generator: torch.Generator) -> Tensor:
    """What is positive stays so."""
    away = _normal(values, generator).abs() * AWAY * _size(values)
    return values + torch.where(values < 0, -away, away)


def _dot(one: Tensor, other: Tensor) -> float:
    return float((one.double() * other.double()).sum())
