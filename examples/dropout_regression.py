"""Dropout as uncertainty: `python examples/dropout_regression.py [folder] [--tanh] [--full]`.

The regression of Gal & Ghahramani (2016): a network of five hidden layers learns the carbon dioxide
over Mauna Loa from 1958 to 2001, and dropout stays on when it is asked for the years around them.
Draws of ReLU networks go on in straight lines, each its own way, so the band widens beyond the
data; with `--tanh` they go flat, and it does not. It is the network's way of going on that is seen,
not where the data end. Run and report lie in the folder. Without `--full` the network is narrow and
takes seconds; with it the paper's own, and minutes. The data's source heads their file.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dashboard import report
from diagnostics import Run
from diagnostics.active.mc_dropout import Ask, PlacedDropout, mc_dropout_of
from diagnostics.active.wish import Wish
from diagnostics.mc_dropout import Plan
from probes import Recorder

DATA = Path(__file__).parent / "data" / "mauna_loa_co2.csv"
LAYERS, DROPPED = 5, 0.1
BATCH, RATE, DECAY, DRAWS = 128, 1e-3, 1e-6, 400


@dataclass(frozen=True)
class Experiment:
    """How large a network, and how long it learns."""

    width: int
    steps: int


REDUCED, FULL = Experiment(128, 6000), Experiment(1024, 6000)


@dataclass(frozen=True)
class Spread:
    """Standard deviation over the draws, averaged over places: in ppm."""

    inside: float  # among the data
    before: float
    after: float
    years: tuple[float, float, float, float]  # from, first and last of the data, to

    @property
    def beyond(self) -> float:
        return (self.before + self.after) / 2

    @property
    def ratio(self) -> float:
        return self.beyond / self.inside


class InUnits(nn.Module):
    """A network that sees and gives numbers of size one, between years and ppm."""

    x_mean: Tensor
    x_size: Tensor
    y_mean: Tensor
    y_size: Tensor

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.network = network
        for name, of in {"x": x, "y": y}.items():
            self.register_buffer(f"{name}_mean", of.mean())
            self.register_buffer(f"{name}_size", of.std())

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.network((x - self.x_mean) / self.x_size)
        return self.y_mean + self.y_size * found


def carbon_dioxide() -> tuple[Tensor, Tensor]:
    """The middle of each month, in years, and its mean in ppm: [month, 1] each."""
    lines = [line for line in DATA.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = [line.replace("-", ",").split(",") for line in lines[1:]]
    year, month, ppm = torch.tensor([[float(number) for number in row] for row in rows]).T
    return (year + (month - 0.5) / 12)[:, None], ppm[:, None]


def network(width: int, activation: type[nn.Module]) -> nn.Sequential:
    """Dropout before every layer but the first, as the paper has it."""
    layers: list[nn.Module] = []
    for depth in range(LAYERS):
        layers += [nn.Linear(width if depth else 1, width), activation(), nn.Dropout(DROPPED)]
    return nn.Sequential(*layers, nn.Linear(width, 1))


def train(folder: Path, experiment: Experiment, seed: int = 0, *, tanh: bool = False) -> Run:
    """Record a training on months drawn at random; the recording holds all of them."""
    x, y = carbon_dioxide()
    torch.manual_seed(seed)
    model = InUnits(network(experiment.width, nn.Tanh if tanh else nn.ReLU), x, y)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, experiment.steps)
    with Recorder(model, optimizer, folder, loss=loss_fn, batch=(x, y)) as recorder:
        for _ in range(experiment.steps):
            months = torch.randint(len(x), (BATCH,))
            loss = loss_fn(model(x[months]), y[months])
            loss.backward()
            optimizer.step()
            slower.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
    return Run(folder)


def analyse(run: Run, draws: int = DRAWS) -> PlacedDropout:
    """From the recording alone: `fathom analyse mc-dropout RUN --masks shared --each`."""
    return mc_dropout_of(run, Wish(), Ask(draws, plan=Plan(masks="shared", each=True)))


def spread_of(found: PlacedDropout) -> Spread:
    """Among the data, and on the line before and after them."""
    assert found.line is not None
    places, known = found.line.places, found.line.known
    sd = np.sqrt(found.ensemble.uncertainty.epistemic.value[:, 0])
    first, last = float(known.min()), float(known.max())
    inside = (places >= first) & (places <= last)

    def mean(where: NDArray[np.bool_]) -> float:
        return float(sd[where].mean())

    years = float(places.min()), first, last, float(places.max())
    return Spread(mean(inside), mean(places < first), mean(places > last), years)


def told(found: PlacedDropout, *, tanh: bool = False) -> str:
    """The figures, and why they are so."""
    spread, draws = spread_of(found), found.ensemble.uncertainty.draws
    start, first, last, end = (f"{year:.0f}" for year in spread.years)
    rows = {
        f"among the data, {first} to {last}": spread.inside,
        f"before them, from {start}": spread.before,
        f"after them, to {end}": spread.after,
    }
    why = "ReLU goes on in straight lines, and each draw has slopes of its own."
    if tanh:
        why = "Tanh saturates: far away every draw is flat, whether there were data or not."
    return "\n".join(
        [
            f"spread over {draws} draws, standard deviation in ppm",
            *(f"  {where:<32}{sd:.2f}" for where, sd in rows.items()),
            f"Beyond the data the band is {spread.ratio:.1f} times as wide as among them. {why}",
        ]
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", default="runs/dropout_regression")
    arguments.add_argument("--full", action="store_true", help="the paper's network: minutes")
    arguments.add_argument("--tanh", action="store_true", help="instead of ReLU")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    run = train(given.folder, FULL if given.full else REDUCED, given.seed, tanh=given.tanh)
    print(told(analyse(run), tanh=given.tanh))
    print(f"drawn: {report(run, run.path / 'dropout_regression.html')}")


if __name__ == "__main__":
    main()
