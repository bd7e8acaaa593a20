"""What a loss surface costs: Fathom exact and adaptive, its peers, and the physical limit.

The limit is as many pure forward passes and losses as there are points, at fixed weights in
inference mode. All rows of a model take turns in one process of one torch thread; CPU seconds.
A row's time for the surface is that of a point times the points, but Fathom's adaptive surface is
made as a whole, and compared with the whole exact one.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from models import WORKLOADS
from torch.nn import functional
from trained import in_turn, seconds, trained

from diagnostics.directions import random_direction
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid, Slice, axis_of
from diagnostics.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

PEERS = {  # what is imported, and how that is installed
    "loss-landscapes": ("loss_landscapes", "pip install loss-landscapes==3.0.6"),
    "landscaper": ("landscaper", "pip install --no-deps landscaper==1.3.1"),
    "loss-landscape-anim": ("loss_landscape_anim", "asks for torch 2.1 and numpy 1"),
}


def per_point(model: nn.Module, data: tuple[Tensor, Tensor], points: int, rounds: int) -> Rows:
    """Seconds of a point, by each way."""
    subject = Subject(model, functional.cross_entropy, data)
    plane = [random_direction(subject, seed) for seed in (0, 1)]
    axes = (axis_of((-1.0, 1.0), 51),) * 2
    cut = Slice(subject, plane, axes)
    nodes = np.linspace(0, 51 * 51 - 1, points).astype(np.int64)
    x, y = data
    model.eval()

    def limit() -> None:
        with torch.inference_mode():
            for _ in range(points):
                functional.cross_entropy(model(x), y)

    rows: dict[str, Callable[[], object]] = {"limit": limit, "fathom exact": lambda: cut(nodes)}
    side = round(points**0.5)
    if importlib.util.find_spec("loss_landscapes"):
        rows["loss-landscapes"] = lambda: loss_landscapes(model, data, side)
    found = {name: time / points for name, time in in_turn(rows, rounds).items()}
    if "loss-landscapes" in found:
        found["loss-landscapes"] *= points / side**2
    return found


Rows = dict[str, float]


def loss_landscapes(model: nn.Module, data: tuple[Tensor, Tensor], side: int) -> object:
    """The peer's random plane, on its own copy of the model."""
    from loss_landscapes import random_plane
    from loss_landscapes.metrics import Loss

    metric = Loss(functional.cross_entropy, *data)
    with torch.no_grad():
        return random_plane(
            model, metric, distance=1, steps=side, normalization="filter", deepcopy_model=True
        )


def surfaces(
    model: nn.Module, data: tuple[Tensor, Tensor], resolution: int, statistics: str
) -> str:
    """The adaptive surface against the whole one."""
    subject = Subject(model, functional.cross_entropy, data, statistics=statistics)
    grid = Grid(resolution=resolution)
    made = {}

    def make(name: str, tolerance: float) -> None:
        made[name] = loss_landscape(subject, None, Grid(resolution=resolution, tolerance=tolerance))

    exact_s = seconds(lambda: make("exact", 0.0))
    adaptive_s = seconds(lambda: make("adaptive", grid.tolerance))
    exact, adaptive = made["exact"], made["adaptive"]
    gap = np.abs(np.log(adaptive.loss / exact.loss)) / np.ptp(np.log(exact.loss))
    return (
        f"adaptive, statistics {statistics}: {adaptive.evaluated.sum()} of {exact.loss.size} "
        f"points, {adaptive_s:.1f} s against {exact_s:.1f} s exact "
        f"({exact_s / adaptive_s:.1f} times faster); largest error {gap.max():.4f} of the range "
        f"(stated: {grid.tolerance:g}), beyond it {np.mean(gap > grid.tolerance):.2%} of points"
    )


def table(rows: Rows, resolution: int) -> str:
    lines = [f"{'':<24}{'ms a point':>12}{'x limit':>9}{'s a surface':>13}"]
    for name, each in rows.items():
        whole = each * resolution**2
        lines.append(f"{name:<24}{each * 1e3:>12.2f}{each / rows['limit']:>9.3f}{whole:>13.1f}")
    for name, (package, install) in PEERS.items():
        if name not in rows:
            there = importlib.util.find_spec(package)
            why = "is not driven by this benchmark" if there else f"not installed ({install})"
            lines.append(f"{name:<24}{why}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(WORKLOADS), help="such as mlp,gpt")
    parser.add_argument("--resolution", type=int, default=51)
    parser.add_argument("--points", type=int, default=25, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of training (default: by model)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # peers talk
    for name in arguments.models.split(","):
        model, data = trained(name, arguments.steps)
        rows = per_point(model, data, arguments.points, arguments.rounds)
        print(f"\n{name}\n{table(rows, arguments.resolution)}", flush=True)
        normalises = any("BatchNorm" in type(module).__name__ for module in model.modules())
        for statistics in ("running", "batch") if normalises else ("running",):
            print(surfaces(model, data, arguments.resolution, statistics), flush=True)


if __name__ == "__main__":
    main()
