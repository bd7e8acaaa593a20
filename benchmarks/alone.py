"""One training by itself, with a tool attached: the memory it grows by, the graphs it compiles."""

from __future__ import annotations

import importlib.util
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cells import Compiled
from twins import MB, seeded, training

if TYPE_CHECKING:
    from cells import Cell
    from torch import nn

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory(cell: Cell, folder: Path) -> tuple[float, float]:
    """MB by which the peak exceeds the state before the first step, and those of children."""
    workload = seeded(cell)
    one, batch = training(cell, workload.model(), folder), workload.batch()
    if not CLEAR.exists():  # Linux alone tells the peak since a moment
        return math.nan, math.nan
    CLEAR.write_text("5")  # the peak is now what it holds now
    before = resident("VmHWM")
    for _ in range(cell.steps):
        one.step(batch)
    found = resident("VmHWM") - before, children()
    one.tool.close()
    return found


def resident(kind: str) -> float:
    """VmRSS or VmHWM of this process, in MB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024


def children() -> float:
    """MB that child processes hold, shared libraries and all."""
    if not importlib.util.find_spec("psutil"):
        return math.nan
    import psutil

    family = psutil.Process().children(recursive=True)
    return float(sum(child.memory_info().rss for child in family) / MB)


def compiled(cell: Cell, folder: Path) -> Compiled:
    """Compile the model, attach the tool, train, and ask how many graphs there are."""
    import torch
    from torch._dynamo.utils import counters

    workload = seeded(cell)
    torch._inductor.config.compile_threads = 1  # no pool of processes beside the tool's own
    one = training(cell, compile_(workload.model()), folder)
    batch = workload.batch()
    for _ in range(cell.steps):
        one.step(batch)
    records = one.tool.records
    graphs, breaks = counters["stats"]["unique_graphs"], counters["graph_break"]
    one.tool.close()
    return Compiled(backend(), graphs, sum(breaks.values()), records)


def compile_(model: nn.Module) -> Any:
    import torch

    return torch.compile(model, backend=backend())


def backend() -> str:
    """The usual one needs a C++ compiler; without, the graphs are the same but run as they are."""
    return "inductor" if shutil.which("g++") or shutil.which("clang++") else "aot_eager"
