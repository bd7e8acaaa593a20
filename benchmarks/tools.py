"""What can be attached to a training: nothing, Fathom, wandb, TensorBoard, a naive hook."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Fathom itself, installed or not


class Bare:
    """Nothing attached: the control."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, cadence: int | None, folder: Path
    ) -> None:
        pass

    @property
    def records(self) -> int:
        """Steps recorded so far."""
        return 0

    def enter(self) -> None:
        """The step is about to begin."""

    def log(self, loss: Tensor) -> None:
        """The step is done but for its loss."""

    def leave(self) -> None:
        """The step is over."""

    def close(self) -> None:
        """So is the training."""


class OwnTime:
    """The `time` module for one training: its counter stands still outside that one's steps."""

    def __init__(self) -> None:
        self._past, self._entered = 0.0, time.perf_counter()

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    def perf_counter(self) -> float:
        return self._past + time.perf_counter() - self._entered

    def enter(self) -> None:
        self._entered = time.perf_counter()

    def leave(self) -> None:
        self._past = self.perf_counter()


class Fathom(Bare):
    """The Recorder, at its own budget or at an exact cadence."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, cadence: int | None, folder: Path
    ) -> None:
        from probes import Recorder, recorder

        # The budget is a share of the time between steps: the twin's steps are not to count.
        self.clock = recorder.time = OwnTime()
        path = folder / "run"
        if cadence is None:
            self.recorder = Recorder(model, optimizer, path)
        else:
            self.recorder = Recorder(model, optimizer, path, every=cadence, budget=None)

    def enter(self) -> None:
        self.clock.enter()

    def leave(self) -> None:
        self.clock.leave()

    @property
    def records(self) -> int:
        return int(self.recorder.records)

    def log(self, loss: Tensor) -> None:
        self.recorder.log(loss=loss)

    def close(self) -> None:
        self.recorder.close()


class Counted(Bare):
    """A tool that looks at every k-th step."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        cadence: int | None,
        folder: Path,
    ) -> None:
        self.model, self.cadence, self.steps = model, cadence or 1, 0
        self.open(folder)

    @property
    def records(self) -> int:
        return self.steps // self.cadence

    def log(self, loss: Tensor) -> None:
        self.steps += 1
        self.write(loss.item(), look=self.steps % self.cadence == 0)

    def open(self, folder: Path) -> None: ...

    def write(self, loss: float, *, look: bool) -> None: ...


class Wandb(Counted):
    """`wandb.watch`, offline: it counts backward calls itself, and looks inside them."""

    def open(self, folder: Path) -> None:
        import wandb

        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        self.run = wandb.init(mode="offline", dir=folder, project="overhead", settings=settings)
        self.run.watch(self.model, log="all", log_freq=self.cadence)

    def write(self, loss: float, *, look: bool) -> None:
        self.run.log({"loss": loss})

    def close(self) -> None:
        import wandb

        self.run.finish()
        wandb.teardown()


class TensorBoard(Counted):
    """`add_histogram` of every weight and gradient."""

    def open(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder))

    def write(self, loss: float, *, look: bool) -> None:
        self.writer.add_scalar("loss", loss, self.steps)
        for name, weight in self.model.named_parameters() if look else ():
            self.writer.add_histogram(f"weights/{name}", weight, self.steps)
            self.writer.add_histogram(f"gradients/{name}", weight.grad, self.steps)

    def close(self) -> None:
        self.writer.close()


class Naive(Counted):
    """What one writes by hand: three numbers of every weight and gradient, kept in a list."""

    def open(self, folder: Path) -> None:
        self.kept: list[object] = []

    def write(self, loss: float, *, look: bool) -> None:
        self.kept.append(loss)
        for weight in self.model.parameters() if look else ():
            for tensor in (weight.detach(), weight.grad):
                moments = tensor.mean().item(), tensor.std().item(), tensor.norm().item()
                self.kept.append(moments)


TOOLS = {
    "bare": Bare,
    "fathom": Fathom,
    "wandb": Wandb,
    "tensorboard": TensorBoard,
    "naive": Naive,
}
