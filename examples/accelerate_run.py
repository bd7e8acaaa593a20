"""Accelerate with Fathom: `pip install accelerate`, then
`python examples/accelerate_run.py [folder]`.

A small residual network learns a function of eight variables, accumulating its gradients over two
micro-batches. What Fathom takes is the import and one line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from probes.accelerate import record


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(functional.gelu(self.widen(self.norm(x))))


def samples(count: int) -> TensorDataset:
    x = torch.randn(count, 8)
    return TensorDataset(x, torch.sin(x.sum(1, keepdim=True)) + x[:, :1] * x[:, 1:2])


def main(folder: Path) -> None:
    set_seed(0)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = nn.Sequential(nn.Linear(8, 32), Residual(32), Residual(32), nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    loader = DataLoader(samples(2048), batch_size=32, shuffle=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    with record(accelerator, model, optimizer, folder) as recorder:
        for _ in range(4):
            for x, y in loader:
                with accelerator.accumulate(model):
                    loss = functional.mse_loss(model(x), y)
                    accelerator.backward(loss)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
                    accelerator.log({"loss": loss})
    print(f"Recorded {recorder.steps} steps in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/accelerate"))
