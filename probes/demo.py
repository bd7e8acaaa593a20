"""The training that `fathom demo` records: a healthy network, and a sick sibling of it.

Both are the same ten layers on the same two interleaved spirals, made here; one has ReLU with He
initialisation, the other sigmoids with PyTorch's default. Only what differs can be to blame.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from probes.recorder import Recorder

DEPTH, WIDTH = 10, 96
STEPS, BATCH = 1500, 512
BAR = 32  # characters of the progress bar


def spirals(points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two spirals, one turn and a half each, with a little noise."""
    along = torch.rand(points, generator=generator)
    label = torch.arange(points) % 2
    angle = 3 * math.pi * along + math.pi * label
    radius = 0.1 + along
    place = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return place * 1.6 + 0.05 * torch.randn(points, 2, generator=generator), label


def network(*, healthy: bool) -> nn.Sequential:
    """The same stack twice; the sick one only swaps the activation and its initialisation."""
    model = nn.Sequential()
    sizes = [2, *[WIDTH] * (DEPTH - 1), 2]
    for n, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        layer = nn.Linear(inputs, outputs)
        if healthy:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        model.add_module(f"layer{n}", layer)
        if n < DEPTH:
            model.add_module(f"activation{n}", nn.ReLU() if healthy else nn.Sigmoid())
    return model


def train(folder: Path, *, healthy: bool) -> float:
    """Train and record one of the two; its accuracy on points it has not seen."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    points, labels = spirals(4096, generator)
    unseen, truth = spirals(1024, generator)
    model = network(healthy=healthy)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    accuracy = 0.0
    seen, held_out = (points[:BATCH], labels[:BATCH]), (unseen, truth)
    loss_fn = functional.cross_entropy
    recording = Recorder(model, optimizer, folder, loss=loss_fn, batch=seen, held_out=held_out)
    with recording as recorder:
        for step in _progress(folder.name):
            batch = torch.randint(len(points), (BATCH,), generator=generator)
            loss = loss_fn(model(points[batch]), labels[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
            if step % 50 == 0:
                with torch.no_grad():
                    accuracy = float((model(unseen).argmax(1) == truth).float().mean())
                recorder.log(accuracy=accuracy)
    return accuracy


def _progress(name: str) -> Iterator[int]:
    """The steps, with a bar; in a file or a pipe the bar is drawn once, at the end."""
    live = sys.stdout.isatty()
    for step in range(1, STEPS + 1):
        yield step
        if step == STEPS or (live and step % 25 == 0):
            done = BAR * step // STEPS
            bar = "█" * done + "·" * (BAR - done)
            print(f"\r  {name:<8} {bar} {step:5d}/{STEPS}", end="", flush=True)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    print(f"Training two networks of {DEPTH} layers on two spirals:")
    for name, healthy in (("healthy", True), ("sick", False)):
        accuracy = train(folder / name, healthy=healthy)
        print(f"  accuracy {100 * accuracy:.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
