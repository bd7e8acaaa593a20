"""Fathom's peers, each used as its own documentation says. Imports wait until one is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attachment import Counted

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


class Wandb(Counted):
    """`wandb.watch`, offline: it counts backward calls itself, and looks inside them."""

    def looks_at(self, step: int) -> bool:
        return step % self.cadence == 0

    def open(self, folder: Path) -> None:
        import wandb

        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        self.run = wandb.init(mode="offline", dir=folder, project="overhead", settings=settings)
        self.run.watch(self.model, log="all", log_freq=self.cadence)

    def write(self, loss: float) -> None:
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

    def write(self, loss: float) -> None:
        self.writer.add_scalar("loss", loss, self.steps)
        for name, weight in self.model.named_parameters() if self.due else ():
            self.writer.add_histogram(f"weights/{name}", weight, self.steps)
            self.writer.add_histogram(f"gradients/{name}", weight.grad, self.steps)

    def close(self) -> None:
        self.writer.close()


class Cockpit(Counted):
    """The quantities it calls economy: they need the gradient of every sample by itself."""

    def open(self, folder: Path) -> None:
        from backpack import extend
        from cockpit import Cockpit
        from cockpit.utils.configuration import configuration
        from cockpit.utils.schedules import linear
        from torch.nn import CrossEntropyLoss

        self.path = folder / "economy"
        self.model = extend(self.model)
        self.of_batch, self.of_sample = (
            extend(CrossEntropyLoss()),
            CrossEntropyLoss(reduction="none"),
        )
        quantities = configuration("economy", track_schedule=linear(self.cadence))
        self.cockpit = Cockpit(self.model.parameters(), quantities=quantities)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        outputs = self.model(inputs)
        loss = self.of_batch(outputs, targets)
        self.info = {
            "batch_size": len(inputs),
            "individual_losses": self.of_sample(outputs, targets),
            "loss": loss,
            "optimizer": self.optimizer,
        }
        return loss

    def backward(self, loss: Tensor) -> None:
        step = self.steps - 1  # it counts from 0
        with self.cockpit(step, info=self.info):
            loss.backward(create_graph=self.cockpit.create_graph(step))

    def close(self) -> None:
        self.cockpit.write(str(self.path))


class Delve(Counted):
    """Covariances of every layer's output; their saturation once, at the end, as of an epoch."""

    def open(self, folder: Path) -> None:
        from delve import SaturationTracker

        self.tracker = SaturationTracker(
            str(folder / "saturation"),
            save_to="csv",
            modules=self.model,
            log_interval=self.cadence,
            device="cpu",
        )
        for layer in self.tracker.layers.values():
            layer.forward_iter = -1  # it counts before it looks: the first step is to be one

    def close(self) -> None:
        self.tracker.add_saturations()
        self.tracker.close()


class TorchLens(Counted):
    """Every tensor of a forward pass, which training then goes on from; the last trace is kept."""

    def open(self, folder: Path) -> None:
        from torchlens import trace
        from torchlens.backends.torch.wrappers import unwrap_torch, wrap_torch
        from torchlens.options import CaptureOptions

        self.trace, self.options = trace, CaptureOptions(backward_ready=True)
        self.wrap, self.unwrap = wrap_torch, unwrap_torch

    def enter(self) -> None:
        super().enter()
        self.wrap()  # it wraps all of torch, for good: the bare twin is not to pay for that

    def leave(self) -> None:
        self.unwrap()

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if not self.due:
            return super().loss(inputs, targets)
        from torch.nn.functional import cross_entropy

        self.kept = self.trace(self.model, inputs, capture=self.options)
        return cross_entropy(self.kept[self.kept.output_layers[-1]].out, targets)
