"""Why deep networks have skip connections: `python examples/skip_connections.py [folder]`.

Two networks of thirty layers learn the same two spirals, one with skip connections, one without.
Both recordings remember their model; from each folder alone the loss is cut along the same two
random directions, filter by filter as long as the weights (Li et al. 2018), and both planes are
drawn on one scale: `skip_connections.html` in the folder.
"""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from dashboard.landscape.abreast import landscapes_abreast
from diagnostics import Run
from diagnostics.loss_landscape import Landscape, loss_landscape
from probes import Recorder
from probes.demo import spirals

BLOCKS, WIDTH = 14, 32
STEPS, BATCH, EXAMPLES = 1500, 256, 512
DAMPED = 0.3  # how much of a block is added, so that the sum does not grow with depth


class Block(nn.Module):
    """Two layers; what goes in is added to what comes out, or not."""

    def __init__(self, *, skips: bool) -> None:
        super().__init__()
        self.first, self.second, self.skips = (
            nn.Linear(WIDTH, WIDTH),
            nn.Linear(WIDTH, WIDTH),
            skips,
        )
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        found = self.second(functional.relu(self.first(x)))
        return functional.relu(x + DAMPED * found if self.skips else found)


def network(*, skips: bool) -> nn.Sequential:
    blocks = [Block(skips=skips) for _ in range(BLOCKS)]
    return nn.Sequential(nn.Linear(2, WIDTH), *blocks, nn.Linear(WIDTH, 2))


def train(folder: Path, *, skips: bool) -> None:
    """Record a training of one of the two."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    points, labels = spirals(2048, generator)
    model, loss_fn = network(skips=skips), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    seen = points[:EXAMPLES], labels[:EXAMPLES]
    with Recorder(model, optimizer, folder, loss=loss_fn, batch=seen) as recorder:
        for _ in range(STEPS):
            batch = torch.randint(len(points), (BATCH,), generator=generator)
            loss = loss_fn(model(points[batch]), labels[batch])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)


def landscape(folder: Path) -> Landscape:
    """From the recording alone: nothing above is used."""
    found = loss_landscape(Run(folder).subject())
    rise = {each.name: each.value for each in found.figures if not isnan(each.value)}
    print(f"{folder.name}: loss {found.centre_loss:.2g}; " + _told(rise))
    return found


def _told(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    names = {"with skip connections": True, "without": False}
    for name, skips in names.items():
        train(folder / name, skips=skips)
    found = {name: landscape(folder / name) for name in names}
    page = folder / "skip_connections.html"
    landscapes_abreast(found).write_html(page, include_plotlyjs=True)
    print(f"drawn: {page}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/skip_connections"))
