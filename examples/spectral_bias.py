"""Networks learn low frequencies first: `python examples/spectral_bias.py [folder] [--full]`.

Experiment 1 of Rahaman et al. (2019): a network learns a sum of sines of equal amplitude, of
random phases, from all of its points at once. What it predicts for them is recorded as it trains;
how much of each frequency it has, and when it got there, follows from the recording alone; the
run's report shows it: `spectral_bias.html` in the folder. With
`--rising` the highest frequency is the largest, and still the last. Without `--full` it is a small
network and takes seconds; with it the paper's own, and minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dashboard import report
from diagnostics import Run
from diagnostics.learned_function import even_grid, recorded_function
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from diagnostics.store import save
from probes import Outputs, Recorder, Snapshots


@dataclass(frozen=True)
class Experiment:
    """What is learnt, and by which network."""

    points: int
    frequencies: tuple[int, ...]
    layers: int
    width: int
    activation: type[nn.Module]
    rate: float
    steps: int


REDUCED = Experiment(128, (1, 3, 5, 7, 9), 3, 64, nn.Tanh, 3e-3, 800)
FULL = Experiment(200, tuple(range(5, 55, 5)), 6, 256, nn.ReLU, 3e-4, 60_000)


def sines(experiment: Experiment, seed: int, *, rising: bool) -> tuple[Tensor, Tensor]:
    """Points on a grid that leaves its end out, and the sum of sines there."""
    k = np.array(experiment.frequencies)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(k))
    x = even_grid(0, 1, experiment.points)
    amplitudes = np.arange(1, len(k) + 1) / len(k) if rising else np.ones(len(k))
    y = (amplitudes * np.sin(2 * np.pi * k * x + phases)).sum(1, keepdims=True)
    return torch.tensor(x).float(), torch.tensor(y).float()


def network(experiment: Experiment) -> nn.Sequential:
    layers: list[nn.Module] = []
    for depth in range(experiment.layers):
        into = experiment.width if depth else 1
        layers += [nn.Linear(into, experiment.width), experiment.activation()]
    return nn.Sequential(*layers, nn.Linear(experiment.width, 1))


def train(folder: Path, experiment: Experiment, seed: int = 0, *, rising: bool = False) -> Run:
    """Record a training; `every=1` lets Outputs choose its own steps, evenly on a log scale."""
    x, y = sines(experiment, seed, rising=rising)
    torch.manual_seed(seed)
    model, loss_fn = network(experiment), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), experiment.rate)
    looks: dict[str, Any] = {"probes": [Outputs(x), Snapshots()], "every": 1}
    with Recorder(model, optimizer, folder, loss=loss_fn, batch=(x, y), **looks) as recorder:
        for _ in range(experiment.steps):
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
    return Run(folder)


def analyse(run: Run) -> SpectralBias:
    """From the recording alone: nothing above is used, not even the frequencies."""
    learned = recorded_function(run)
    found = spectral_bias(learned)
    for result in (learned, found):
        save(run.path, result)
    return found


def told(found: SpectralBias) -> str:
    """Each frequency and when it was learnt, in steps."""
    lines = ["    k   amplitude   half learnt   nine tenths   at the end"]
    half, most = found.reached
    for n, k in enumerate(found.frequencies):
        lines.append(
            f"{k:5g}{found.amplitude[n]:12.2f}{_step(half.step[n]):>14}{_step(most.step[n]):>14}"
            f"{found.ratio[-1, n]:13.2f}"
        )
    return "\n".join([*lines, f"{found.verdict}: {found.why}."])


def _step(step: float) -> str:
    return f"{step:.0f}" if np.isfinite(step) else "not yet"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", default="runs/spectral_bias")
    arguments.add_argument("--full", action="store_true", help="the paper's network: minutes")
    arguments.add_argument("--rising", action="store_true", help="amplitudes that rise with k")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    run = train(given.folder, FULL if given.full else REDUCED, given.seed, rising=given.rising)
    print(told(analyse(run)))
    print(f"drawn: {report(run, run.path / 'spectral_bias.html')}")


if __name__ == "__main__":
    main()
