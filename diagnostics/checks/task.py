"""What the loss asks of the outputs, told by what it does and not by its name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.setup import Scene, pair_of
from probes.program.objective import Loss, Whole


@dataclass
class Task:
    """A loss of one tensor of outputs and one of targets."""

    loss: Loss
    output: Tensor
    target: Tensor

    def of(self, output: Tensor, target: Tensor | None = None) -> float:
        """The loss, were the outputs these; not a number where the loss refuses them."""
        assert callable(self.loss)
        try:
            with torch.no_grad():
                found = self.loss(output, (self.target if target is None else target).clone())
            return float(found)
        except Exception:  # what the user's loss may raise is not ours to know
            return math.nan

    @property
    def class_axis(self) -> int | None:
        """Along it lie the classes' outputs, where targets are numbers of classes."""
        shape, wanted = tuple(self.output.shape), tuple(self.target.shape)
        if self.target.is_floating_point() or len(shape) != len(wanted) + 1:
            return None
        if shape[:-1] == wanted and shape[-1] > 1:
            return len(shape) - 1
        return 1 if (shape[0], *shape[2:]) == wanted and shape[1] > 1 else None

    @property
    def classes(self) -> int:
        axis = self.class_axis
        return 0 if axis is None else self.output.shape[axis]

    @property
    def on_logits(self) -> bool:
        """Does the loss apply a softmax and a logarithm?

        Then a constant added to a row changes nothing, and a wrong class that is far ahead costs
        what it is ahead by.
        """
        axis = self.class_axis
        if axis is None:
            return False
        shift = torch.linspace(0.5, 2.0, self.output.numel() // self.classes).to(self.output)
        rows = self.output.detach().movedim(axis, -1)
        moved = (rows + shift.reshape(rows.shape[:-1])[..., None]).movedim(-1, axis)
        before, after = self.of(self.output.detach()), self.of(moved)
        return _near(before, after) and self._cost_of_wrong(axis) > STEEP

    def _cost_of_wrong(self, axis: int) -> float:
        """How fast the loss grows with the logit of a wrong class."""
        wrong = (self.target.clamp_min(0) + 1) % self.classes
        ahead = torch.zeros_like(self.output).scatter_(axis, wrong.unsqueeze(axis), 1.0)
        return (self.of(60 * ahead) - self.of(50 * ahead)) / 10

    @property
    def on_binary_logits(self) -> bool:
        """Does it apply a sigmoid to each output? Then it takes any number, and grows evenly."""
        if self.target.shape != self.output.shape or not self._binary():
            return False
        far = torch.full_like(self.output.detach(), 30.0)
        grown, more = self.of(far), self.of(far + 10)
        return math.isfinite(grown) and _near(more - grown, 10 * float((1 - self.target).mean()))

    def _binary(self) -> bool:
        numbers = self.target.is_floating_point() or self.target.dtype == torch.bool
        return numbers and bool(((self.target == 0) | (self.target == 1)).all())

    @property
    def binary(self) -> bool:
        """Targets that are 0 or 1, both of them, as numbers."""
        return self._binary() and bool((self.target == 0).any() and (self.target == 1).any())

    @property
    def is_distance(self) -> bool:
        """Targets are numbers, and outputs that equal them make the loss as good as nothing."""
        if not self.target.is_floating_point() or self.target.shape != self.output.shape:
            return False
        here, there = self.of(self.output.detach()), self.of(self.target.to(self.output.dtype))
        return math.isfinite(here) and here > 0 and abs(there) <= NOTHING * here

    @property
    def is_squared(self) -> bool:
        """Of outputs moved apart from the targets it grows as the square of the distance."""
        if not self.is_distance:
            return False
        wanted, spread = self.target.to(self.output.dtype), torch.ones_like(self.output.detach())
        one, two = self.of(wanted + spread), self.of(wanted + 2 * spread)
        return _near(two, 4 * one)


NOTHING = 1e-6
STEEP = 0.7  # of cross-entropy 1, less what label smoothing gives away; of margins a class's share


def task_of(scene: Scene, output: Tensor | None) -> Task:
    """Of a loss of one output and one target."""
    if scene.loss is None or isinstance(scene.loss, Whole):
        raise CannotAsk("the loss is not a function of outputs and targets alone")
    _, target = pair_of(scene.loss, scene.batch)
    if output is None or not isinstance(target, Tensor):
        raise CannotAsk("the outputs or the targets are not one tensor")
    task = Task(scene.loss, output, target)
    if not math.isfinite(task.of(output.detach())):
        raise CannotAsk("the loss cannot be had of the outputs by themselves, or is not finite")
    return task


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)


def matters(task: Task) -> bool:
    """Does the loss depend on the targets at all? A loss that makes its own leaves them unused."""
    target = task.target
    other = target + 1 + target.abs() if target.is_floating_point() else target.flip(0)
    if torch.equal(other, target):
        return True
    return not _near(task.of(task.output.detach()), task.of(task.output.detach(), other))
