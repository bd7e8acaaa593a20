"""An arena to lay tensors into, one record after another, and to read back by their names."""

from __future__ import annotations

import pytest
import torch

from probes.arena import Arena
from probes.recording import STATISTICS

CPU = torch.device("cpu")
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
    ),
]


class Desk:
    """An arena, one record after another."""

    def __init__(self, series=1, device=CPU):
        self.arena = Arena(torch.device(device), series)
        self.record = -1

    def begin(self, n=0):
        """The next record, and the n-th series' shelf."""
        self.record += 1
        self.arena.begin(self.record)
        return self.arena.shelves[n]

    def reduce(self):
        """What is on its way to the host, and how to read it."""
        with torch.no_grad():
            return self.arena.reduce()

    def rows(self, n=0):
        """A series' rows by the tensors' names, each a value by its statistic."""
        reduced = self.reduce()
        return {} if reduced is None else unfolded(*reduced, n)


def unfolded(flat, unfold, n=0):
    return {
        name: {**dict(zip(STATISTICS, row.tolist(), strict=True)), "bins": bins.tolist()}
        for part in unfold(flat.cpu().numpy())
        if part.series == n
        for name, row, bins in zip(part.names, part.statistics, part.histogram, strict=True)
    }


def look(*tensors, norms=False, device="cpu"):
    """The rows of these tensors, in their order."""
    desk = Desk(device=device)
    names = [str(n) for n in range(len(tensors))]
    desk.begin().take_all(names, [tensor.to(device) for tensor in tensors], norms=norms)
    return list(desk.rows().values())


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def means(rows):
    return {name: row["mean"] for name, row in rows.items()}
