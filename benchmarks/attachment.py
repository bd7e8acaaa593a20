"""What a training lets a tool do, and the least of tools: none at all, and one written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from pathlib import Path

    from cells import Cell
    from torch import Tensor, nn
    from torch.optim import Optimizer


class Bare:
    """Nothing attached: the control."""

    claimed = float("nan")  # share of training time that the tool says it cost

    def __init__(self, model: nn.Module, optimizer: Optimizer, cell: Cell, folder: Path) -> None:
        self.model = model

    @property
    def records(self) -> int:
        """Steps recorded so far."""
        return 0

    def enter(self) -> None:
        """The step is about to begin."""

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The forward pass."""
        return cross_entropy(self.model(inputs), targets)

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def log(self, loss: Tensor) -> None:
        """The step is done but for its loss."""

    def leave(self) -> None:
        """The step is over."""

    def close(self) -> None:
        """So is the training."""


class Counted(Bare):
    """A tool that looks at the first step and at every k-th after it."""

    def __init__(self, model: nn.Module, optimizer: Optimizer, cell: Cell, folder: Path) -> None:
        super().__init__(model, optimizer, cell, folder)
        self.optimizer, self.cadence = optimizer, cell.cadence or 1
        self.steps, self.looks, self.due = 0, 0, False
        self.open(folder)

    def looks_at(self, step: int) -> bool:
        return step > 0 and (step - 1) % self.cadence == 0

    @property
    def records(self) -> int:
        return self.looks

    def enter(self) -> None:
        self.steps += 1
        self.due = self.looks_at(self.steps)
        self.looks += self.due

    def log(self, loss: Tensor) -> None:
        self.write(loss.item())

    def open(self, folder: Path) -> None: ...

    def write(self, loss: float) -> None: ...


class Naive(Counted):
    """What one writes by hand: two numbers of every output, three of every weight and gradient."""

    def open(self, folder: Path) -> None:
        self.kept: list[object] = []
        for module in self.model.modules():
            if not any(module.children()):
                module.register_forward_hook(self.called)

    def called(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        if self.due:
            seen = output.detach()
            self.kept.append((seen.mean().item(), seen.std().item()))

    def write(self, loss: float) -> None:
        self.kept.append(loss)
        for weight in self.model.parameters() if self.due else ():
            for tensor in (weight.detach(), weight.grad):
                moments = tensor.mean().item(), tensor.std().item(), tensor.norm().item()
                self.kept.append(moments)
