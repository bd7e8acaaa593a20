"""Two equal trainings side by side, one of them with a tool attached: how their steps compare."""

from __future__ import annotations

import copy
import importlib.util
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from models import WORKLOADS
from tools import TOOLS, Bare
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from models import Batch, Workload
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.optim import Optimizer

WARM_UP = 2  # pairs of steps that are run and not counted
TRIM = 0.1  # share of pairs dropped at either end of their difference
STILL = 0.02  # CPU seconds a fifth of a second below which the background has come to rest


@dataclass(frozen=True)
class Cell:
    """One row of a table: a tool on a model; no cadence means Fathom's own budget."""

    model: str
    tool: str
    cadence: int | None
    steps: int

    @property
    def name(self) -> str:
        when = "at its defaults" if self.cadence is None else f"every {self.cadence}"
        return self.tool if self.tool == "bare" else f"{self.tool} {when}"


@dataclass(frozen=True)
class Figures:
    """What one cell came to; ratios are instrumented over bare, shares are of a bare step."""

    p20: float  # CPU time of the training thread
    median: float
    mean: float  # over recorded and idle steps: the amortised slow-down
    wall: float  # the same mean of wall time
    threads: float  # CPU of other threads
    children: float  # CPU of child processes
    bare_ms: float
    records: float
    bytes_per_record: float
    close_s: float


@dataclass(frozen=True)
class Twin:
    """One of two equal networks and what is attached to it."""

    model: nn.Module
    optimizer: Optimizer
    tool: Bare

    def step(self, batch: Batch) -> tuple[float, float]:
        """Train one step and give its CPU time in this thread and its wall time."""
        self.tool.enter()
        cpu, wall = time.thread_time(), time.perf_counter()
        self.train(*batch)
        spent = time.thread_time() - cpu, time.perf_counter() - wall
        self.tool.leave()
        return spent

    def train(self, inputs: Tensor, targets: Tensor) -> None:
        self.optimizer.zero_grad()
        loss = cross_entropy(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        self.tool.log(loss.detach())


@dataclass(frozen=True)
class Series:
    """Every counted pair of steps."""

    times: NDArray[np.float64]  # [pair, (bare, instrumented), (cpu, wall)]
    recorded: NDArray[np.bool_]  # [pair]

    @property
    def records(self) -> int:
        return int(self.recorded.sum())

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
        """Seconds of (threads, children) a step as shares of a bare one, and that in ms."""
        bare = self.means(0)[0]
        return float(seconds[0] / bare), float(seconds[1] / bare), float(1000 * bare)

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


def measure(cell: Cell) -> Figures:
    """Step a bare network and its instrumented copy alternately, and compare."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    workload = WORKLOADS[cell.model]
    with tempfile.TemporaryDirectory() as folder:
        pair = twins(workload, cell, Path(folder))
        collect(pair, workload, WARM_UP)
        before = settled()  # a child process that is still starting is not a step's cost
        series = collect(pair, workload, cell.steps)
        spent = (settled() - before) / cell.steps
        started = time.perf_counter()
        pair[1].tool.close()
        closing = time.perf_counter() - started
        size = folder_size(Path(folder)) / max(1, pair[1].tool.records)
    return Figures(*series.ratios(), *series.shares(spent), series.records, size, closing)


def twins(workload: Workload, cell: Cell, folder: Path) -> tuple[Twin, Twin]:
    """The same network twice: bare, and with the tool of the cell."""
    model = workload.model()
    other = copy.deepcopy(model)
    optimizer, other_optimizer = workload.optimizer(model), workload.optimizer(other)
    none = Bare(model, optimizer, None, folder)
    tool = TOOLS[cell.tool](other, other_optimizer, cell.cadence, folder)
    return Twin(model, optimizer, none), Twin(other, other_optimizer, tool)


def collect(pair: tuple[Twin, Twin], workload: Workload, steps: int) -> Series:
    """Time so many pairs of steps, swapping the order each time."""
    times, recorded = np.zeros((steps, 2, 2)), np.zeros(steps, bool)
    for step in range(steps):
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
        return np.array([threads, np.nan])
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


def folder_size(folder: Path) -> int:
    """Bytes of all files but wandb's logs of itself."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files if path.suffix != ".log")
