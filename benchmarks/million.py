"""A very long training: does memory stay flat, and can the recording still be opened and read?

A network of 760 parameters trains with everything recorded at its defaults, a loss logged at every
step. The resident memory of the trainer and of the scribe beside it is sampled fifty times. Flat
means: over the last three quarters, the slope is within two standard errors of nothing, or what
it adds up to is less than a hundredth of what is held.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import torch
from torch import nn
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Fathom itself, installed or not

from diagnostics import Run
from probes import Recorder

SAMPLES = 50
MB = 1 << 20
LITTLE = 0.01  # share of what is held that may come or go


def network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 4)
    )


def train(path: Path, steps: int) -> NDArray[np.float64]:
    """Train and sample: [sample, (step, seconds, trainer's MB, scribe's MB)]."""
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = torch.randn(1024, 16), torch.randint(4, (1024,))
    began, samples = time.perf_counter(), []
    with Recorder(model, optimizer, path) as recorder:
        for step in range(1, steps + 1):
            rows = slice(step % 32 * 32, step % 32 * 32 + 32)
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            recorder.log(loss=loss)
            if step % (steps // SAMPLES) == 0:
                samples.append((step, time.perf_counter() - began, *resident()))
                print(line(*samples[-1]), flush=True)
    return np.array(samples)


def resident() -> tuple[float, float]:
    """MB of this process and of its children: the scribe."""
    here = psutil.Process()
    beside = sum(child.memory_info().rss for child in here.children(recursive=True))
    return here.memory_info().rss / MB, beside / MB


def line(step: int, seconds: float, trainer: float, scribe: float) -> str:
    return f"{step:>10,}{seconds:>9.0f} s{trainer:>11.1f}{scribe:>11.1f}"


@dataclass(frozen=True)
class Trend:
    """A straight line through the last three quarters of some samples."""

    slope: float  # MB a step
    error: float
    held: float  # MB
    steps: float

    @property
    def flat(self) -> bool:
        growth = abs(self.slope) * self.steps
        return abs(self.slope) <= 2 * self.error or growth < LITTLE * self.held

    def __str__(self) -> str:
        slope, error = 1e5 * self.slope, 1e5 * self.error
        word = "flat" if self.flat else "NOT FLAT"
        return f"{word}: {slope:+.3f} ± {error:.3f} MB in 100,000 steps, {self.held:.0f} MB held"


def trend(steps: NDArray[np.float64], megabytes: NDArray[np.float64]) -> Trend:
    """By least squares; the error is the usual one, of independent samples."""
    late = len(steps) // 4
    x, y = steps[late:], megabytes[late:]
    centred = x - x.mean()
    slope = centred @ y / (centred @ centred)
    left = y - y.mean() - slope * centred
    error = np.sqrt(left @ left / (len(x) - 2) / (centred @ centred))
    return Trend(float(slope), float(error), float(y.mean()), float(x[-1] - x[0]))


def read(path: Path) -> str:
    """Open the run and read one layer's series, as a reader would; files are in the OS's cache."""
    began = time.perf_counter()
    run = Run(path)
    opened = time.perf_counter()
    name = next(name for name in run.tensors if name == "0.weight")
    column = run.column("gradients", "norm", [name])
    done = time.perf_counter()
    return (
        f"opened in {1000 * (opened - began):.1f} ms; a series of {len(column):,} records read in "
        f"{1000 * (done - opened):.1f} ms; {run.records:,} steps recorded of {run.last_step:,}, "
        f"{run.dropped} rows dropped, {run.overhead or 0:.2%} of training time"
    )


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1_000_000, help="at least 1000")
    steps = max(1000, parser.parse_args().steps)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run")
        print(f"{'step':>10}{'time':>11}{'trainer MB':>11}{'scribe MB':>11}")
        samples = train(path, steps)
        print(f"trainer is {trend(samples[:, 0], samples[:, 2])}")
        print(f"scribe is {trend(samples[:, 0], samples[:, 3])}")
        print(f"{size(path) / MB:.1f} MB on disk, {size(path) / steps:.1f} bytes a step")
        print(read(path))


if __name__ == "__main__":
    main()
