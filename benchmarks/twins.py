"""Two equal trainings side by side, one of them with a tool attached: how their steps compare."""

from __future__ import annotations

import copy
import importlib.util
import math
import time
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter  # the true one: a tool may put its own in its place
from typing import TYPE_CHECKING

import numpy as np
import torch
from cells import Cell, Figures
from models import WORKLOADS
from tools import TOOLS

if TYPE_CHECKING:
    from attachment import Bare
    from models import Batch, Workload
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.optim import Optimizer

WARM_UP = 2  # pairs of steps that are run and not counted
TRIM = 0.1  # share of pairs dropped at either end of their difference
STILL = 0.02  # CPU seconds a fifth of a second below which the background has come to rest
MB = 1 << 20
PATIENCE = 60  # seconds after which a row at an exact cadence ends, at a whole number of cadences


@dataclass(frozen=True)
class Training:
    """A network and what is attached to it."""

    model: nn.Module
    optimizer: Optimizer
    tool: Bare

    def step(self, batch: Batch) -> tuple[float, float]:
        """Train one step and give its CPU time in this thread and its wall time."""
        self.tool.enter()
        cpu, wall = time.thread_time(), perf_counter()
        self.train(*batch)
        spent = time.thread_time() - cpu, perf_counter() - wall
        self.tool.leave()
        return spent

    def train(self, inputs: Tensor, targets: Tensor) -> None:
        self.optimizer.zero_grad()
        loss = self.tool.loss(inputs, targets)
        self.tool.backward(loss)
        self.optimizer.step()
        self.tool.log(loss.detach())


@dataclass(frozen=True)
class Series:
    """Every counted pair of steps."""

    times: NDArray[np.float64]  # [pair, (bare, instrumented), (cpu, wall)]
    recorded: NDArray[np.bool_]  # [pair]

    def ratios(self) -> tuple[float, float, float, float]:
        """(20th percentile, median, mean) of CPU time, and mean of wall time."""
        bare, instrumented = self.times[:, :, 0].T
        cpu, wall = self.means(0), self.means(1)
        return (
            float(np.percentile(instrumented, 20) / np.percentile(bare, 20)),
            float(np.median(instrumented) / np.median(bare)),
            float(cpu[1] / cpu[0]),
            float(wall[1] / wall[0]),
        )

    def shares(self, seconds: NDArray[np.float64]) -> tuple[float, float, float]:
        """Seconds of (threads, children) as shares of all bare steps, and one of these in ms."""
        bare = self.means(0)[0]
        threads, children = seconds / len(self.times) / bare
        return float(threads), float(children), float(1000 * bare)

    def counts(self) -> tuple[int, int]:
        return len(self.times), int(self.recorded.sum())

    def means(self, clock: int) -> NDArray[np.float64]:
        """Mean (bare, instrumented) time, recorded and idle pairs trimmed apart, alike for both."""
        total = np.zeros(2)
        for pairs in (self.times[self.recorded, :, clock], self.times[~self.recorded, :, clock]):
            if len(pairs):
                total += len(pairs) * trimmed(pairs).mean(axis=0)
        return total / len(self.times)


def trimmed(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the pairs whose difference is among the largest or smallest tenth."""
    order = np.argsort(pairs[:, 1] - pairs[:, 0])
    cut = int(TRIM * len(pairs))
    return pairs[order[cut : len(pairs) - cut]]


def measure(cell: Cell, folder: Path) -> Figures:
    """Step a bare network and its instrumented copy alternately, and compare."""
    workload = seeded(cell)
    model = workload.model()
    bare = training(Cell(cell.model, "bare", None, 0), copy.deepcopy(model), folder)
    pair = bare, training(cell, model, folder)
    collect(pair, workload, WARM_UP)
    before = settled()  # a child process that is still starting is not a step's cost
    series = collect(pair, workload, cell.steps, cell.cadence)
    spent = settled() - before
    tool, started = pair[1].tool, perf_counter()
    claimed = tool.claimed
    tool.close()
    closing = perf_counter() - started
    size, snapshots = folder_sizes(folder)
    timed = *series.ratios(), *series.shares(spent), *series.counts()
    return Figures(*timed, size / max(1, tool.records), snapshots / MB, closing, claimed)


def seeded(cell: Cell) -> Workload:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return WORKLOADS[cell.model]


def training(cell: Cell, model: nn.Module, folder: Path) -> Training:
    """A model with an optimizer of its own and the cell's tool."""
    optimizer = WORKLOADS[cell.model].optimizer(model)
    return Training(model, optimizer, TOOLS[cell.tool](model, optimizer, cell, folder))


def collect(
    pair: tuple[Training, Training], workload: Workload, steps: int, cadence: int | None = None
) -> Series:
    """Time so many pairs of steps, swapping the order each time."""
    times, recorded, began = np.zeros((steps, 2, 2)), np.zeros(steps, bool), perf_counter()
    for step in range(steps):
        if cadence and step and step % cadence == 0 and perf_counter() - began > PATIENCE:
            return Series(times[:step], recorded[:step])
        records = pair[1].tool.records
        order = [0, 1] if step % 2 else [1, 0]
        batch = workload.batch()
        times[step, order] = [pair[n].step(batch) for n in order]
        recorded[step] = pair[1].tool.records > records
    return Series(times, recorded)


def background() -> NDArray[np.float64]:
    """CPU seconds so far of (other threads, child processes); NaN where psutil is missing."""
    threads = time.process_time() - time.thread_time()
    if not importlib.util.find_spec("psutil"):
        return np.array([threads, math.nan])
    import psutil

    family = psutil.Process().children(recursive=True)
    spent = [child.cpu_times() for child in family]
    return np.array([threads, sum(cpu.user + cpu.system for cpu in spent)])


def settled() -> NDArray[np.float64]:
    """The same once it stands still, with all that was queued."""
    spent = background()
    for _ in range(20):
        time.sleep(0.2)
        earlier, spent = spent, background()
        if np.nansum(spent - earlier) < STILL:
            break
    return spent


def folder_sizes(folder: Path) -> tuple[int, int]:
    """Bytes of (all that is recorded but wandb's logs of itself, snapshots of the weights)."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    sizes = {path: path.stat().st_size for path in files if path.suffix != ".log"}
    snapshots = sum(size for path, size in sizes.items() if path.parent.name == "snapshots")
    return sum(sizes.values()) - snapshots, snapshots
