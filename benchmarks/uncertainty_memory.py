"""How much the memory of a process grows while draws are made: each way in a child of its own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from uncertainty_peers import METHODS, Cell

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB_A_MIB = 1024


def grown(cell: Cell, draws: Mapping[str, int]) -> dict[str, float]:
    """MiB, by the name of the way."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["uncertainty_memory"])
    found = {}
    for name, count in draws.items():
        ours, theirs = context.Pipe()
        child = context.Process(target=_measure, args=(cell, name, count, theirs))
        child.start()
        theirs.close()
        try:
            found[name] = ours.recv()
        except EOFError:  # it was ended, such as for lack of memory
            found[name] = float("nan")
        child.join()
    return found


def _measure(
    cell: Cell, name: str, count: int, pipe: multiprocessing.connection.Connection
) -> None:
    torch.set_num_threads(1)
    with torch.no_grad():
        way = METHODS[name].make(cell)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # its peak begins anew
        before = _status("VmRSS")
        way(count)
    pipe.send((_status("VmHWM") - before) / KIB_A_MIB)


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])
