"""Lightning with Fathom: `pip install lightning`, then `python examples/lightning_run.py [folder]`.

A small convolutional network learns to tell noisy stripes by their direction. What Fathom takes is
the import and the callback.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from lightning import LightningModule, Trainer, seed_everything
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from probes.lightning import FathomCallback


class Stripes(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(16 * 2 * 2, 32), nn.ReLU(), nn.Linear(32, 2),
        )  # fmt: skip

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        return functional.cross_entropy(self.net(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        self.log("val_accuracy", (self.net(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 3e-3)


def stripes(count: int) -> TensorDataset:
    """Images of 16 by 16: stripes across or down, their phase at random, under noise."""
    labels = torch.randint(0, 2, (count,))
    waves = torch.sin(torch.arange(16) * 1.2 + 6.3 * torch.rand(count, 1))  # [image, place]
    across = waves[:, :, None].expand(-1, -1, 16)
    images = torch.where(labels[:, None, None] == 0, across, across.transpose(1, 2))
    return TensorDataset((images + torch.randn(count, 16, 16))[:, None], labels)


def main(folder: Path) -> None:
    seed_everything(0, verbose=False)
    trainer = Trainer(
        max_epochs=4, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[FathomCallback(folder)],
    )  # fmt: skip
    train = DataLoader(stripes(1280), batch_size=64, shuffle=True)
    trainer.fit(Stripes(), train, DataLoader(stripes(256), batch_size=256))
    print(f"Recorded {trainer.global_step} steps in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/lightning"))
