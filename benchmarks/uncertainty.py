"""What 100 predictions with dropout on cost: Fathom, its peers, and the physical limit.

The limit is one pass of what comes before all dropout and as many of the rest as there are draws,
written by hand with torch's own dropout, so many draws at a time as is fastest. All ways of a cell
take turns in one process of one torch thread: seconds of CPU, and ratios of them; seconds on the
clock in brackets. Where draws are dear, fewer are timed and the time is that of as many more.
Memory is the growth of each way's own process, and the first call what it takes longer than others.
Every way's spread about the plain prediction is compared with the limit's: a fast wrong answer is
told.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
import warnings
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from trained import CPU, WALL, timed
from uncertainty_memory import grown
from uncertainty_models import MODELS, ready
from uncertainty_peers import AT_ONCE, METHODS, OURS, ROWS, Cell

from probes import Recorder, Snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from trained import Seconds
    from uncertainty_peers import Way

BATCHES = (1, 64, 512, 2048)
DEAR = 1.0  # seconds of CPU that a timing may take, but for what is done once
SHORT, MOST = 0.1, 50  # seconds that calls of a timing should take together, and how many at most
FAR = 5.0  # standard errors
ENOUGH = 20  # draws, from which they tell the error of their spread by themselves
LIMIT, BEST, PEER = 1.1, 1.05, 5.0  # the goals: at most, at most, at least
DEFAULT, CONVNET = ("mlp", "resnet20", "vit"), "resnet20"
PACKAGES = ("torch-fathom", "torch", "numpy", "torch-uncertainty")


@dataclass
class Row:
    """One way in one cell."""

    name: str
    way: Way
    shares: bool
    draws: int = 1  # that are timed
    times: int = 1  # that they are called in a timing
    first: float = float("nan")  # seconds that its first call takes longer than a later one
    found: Any = None  # draws of its last call
    seconds: Seconds = field(default_factory=lambda: np.full(2, np.nan))  # of all

    def once(self, draws: int) -> Seconds:
        return timed(partial(self._calls, draws)) / self.times

    def _calls(self, draws: int) -> None:
        with torch.no_grad():
            for _ in range(self.times):
                self.found = np.asarray(self.way(draws))

    def repeat(self, draws: int) -> None:
        """What is short is called often, and the mean is taken."""
        self.times = min(MOST, 1 + int(SHORT / self.once(draws)[CPU]))

    def all(self, most: int) -> Seconds:
        """As many as were asked for, by those that are not too dear."""
        if self.draws == most or not self.shares:
            return self.once(self.draws) * (most / self.draws)
        one = self.once(1)
        return one + (self.once(self.draws) - one) * ((most - 1) / (self.draws - 1))

    def settle(self, most: int) -> None:
        """How many draws to time: ten times more, until more would be too dear."""
        cold = self.once(1 + self.shares)
        warm = self.once(1 + self.shares) if self.shares or cold[CPU] < DEAR / 4 else cold
        self.first = float(cold[WALL] - warm[WALL])
        one = self.once(1) if self.shares else warm * 0
        last, self.draws = warm, 1 + self.shares
        while self.draws < most:
            each = (last - one)[CPU] / (self.draws - self.shares)
            wanted = min(most, 10 * self.draws, int(DEAR / max(each, 1e-9)))
            if wanted <= self.draws:
                return
            last, self.draws = self.once(wanted), wanted


def record(name: str, folder: Path) -> Path:
    """A run of the model, of whose program draws are made."""
    model, x = ready(name, 64)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    how: dict[str, Any] = {"loss": functional.cross_entropy, "batch": (x, torch.arange(64) % 10)}
    with Recorder(model, optimizer, folder, probes=[Snapshots()], **how):
        optimizer.step()  # of no gradients: the weights stay
    return folder


def fastest_limit(cell: Cell, most: int) -> Cell:
    """With as many draws in a pass as are fastest."""
    times = {}
    for at_once in [n for n in AT_ONCE if n == 1 or (n <= most and n * cell.batch <= ROWS)]:
        row = Row("", METHODS["limit"].make(replace(cell, at_once=at_once)), shares=True)
        row.once(at_once)
        row.repeat(at_once)
        one, more = (min(row.once(n * at_once)[CPU] for _ in range(2)) for n in (1, 2))
        times[at_once] = (more - one) / at_once
    return replace(cell, at_once=min(times, key=lambda n: times[n]))


def settled(cell: Cell, most: int) -> tuple[list[Row], dict[str, str]]:
    """The ways that run, and why others do not."""
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for name, method in METHODS.items():
        if method.whole and cell.fitting < most:
            gib = most * cell.bytes / 2**30
            failed[name] = f"all draws at once would take about {gib:.0f} GiB"
        elif method.dear and rows[0].seconds[CPU] > DEAR / 8:
            failed[name] = "not tried: a pass takes too long"
        else:
            try:
                rows.append(Row(name, method.make(cell), method.shares))
                rows[-1].settle(most)
                rows[-1].seconds = rows[-1].once(1)
                rows[-1].repeat(rows[-1].draws)
            except Exception as error:
                rows.pop()
                failed[name] = " ".join(f"{type(error).__name__}: {error}".split())[:160]
    return rows, failed


def finished(rows: list[Row], most: int, rounds: int) -> None:
    """Median of what each says it took, all of them once in every round."""
    times = [[row.all(most) for row in rows] for _ in range(rounds)]
    for row, seconds in zip(rows, np.median(times, axis=0), strict=True):
        row.seconds = seconds


def spreads(cell: Cell, rows: list[Row]) -> dict[str, tuple[float, float]]:
    """Each way's mean square from the plain prediction by the limit's, and how many errors off."""
    with torch.no_grad():
        plain = cell.model(drops=False)(cell.x).numpy()
    squares = {row.name: ((row.found - plain) ** 2).mean(-1) for row in rows}  # [draw, example]
    wanted = squares["limit"]
    return {name: _compared(found, wanted) for name, found in squares.items()}


def _compared(found: NDArray[Any], wanted: NDArray[Any]) -> tuple[float, float]:
    ratio = float(found.mean() / wanted.mean())
    if found is wanted:
        return ratio, 0.0
    if min(len(found), len(wanted)) >= ENOUGH:  # by draws, each of which is by itself
        errors = [each.mean(1).std(ddof=1) / len(each) ** 0.5 for each in (found, wanted)]
        return ratio, float((found.mean() - wanted.mean()) / np.hypot(*errors))
    apart = found.mean(0) - wanted.mean(0)  # by examples, whose masks are their own
    return ratio, float(apart.mean() / (apart.std(ddof=1) / len(apart) ** 0.5))


def table(cell: Cell, rows: list[Row], most: int) -> Iterator[str]:
    """A line for each way."""
    yield (
        f"{'':<24}{'seconds':>10}{'(clock)':>11}{'x limit':>9}{'MiB':>8}{'spread':>8}"
        f"{'timed':>14}{'first call':>12}"
    )
    memory = grown(cell, {row.name: row.draws for row in rows})
    told = spreads(cell, rows)
    for row in rows:
        cpu, wall = row.seconds
        ratio, off = told[row.name]
        timed_draws = (
            f"{row.draws} draws" if row.draws == most else f"{row.draws}, x {most / row.draws:.3g}"
        )
        wrong = f"  WRONG: {off:+.0f} standard errors" if not abs(off) < FAR else ""
        yield (
            f"{row.name:<24}{cpu:>10.4f}{f'({wall:.4f})':>11}{cpu / rows[0].seconds[CPU]:>9.2f}"
            f"{memory[row.name]:>8.0f}{ratio:>8.2f}{timed_draws:>14}"
            f"{f'{row.first * 1e3:+.0f} ms':>12}{wrong}"
        )


def goals(name: str, rows: list[Row]) -> Iterator[str]:
    """Each met or missed."""
    cost = {row.name: row.seconds[CPU] for row in rows}
    ours, others = cost["fathom"], {n: c for n, c in cost.items() if n not in OURS}
    best = min(others, key=lambda n: others[n])
    yield _goal("times the limit", ours / cost["limit"], LIMIT)
    yield _goal(f"times the best other ({best})", ours / others[best], BEST)
    theirs = [c for n, c in others.items() if n.startswith("torch-uncertainty")]
    if name == CONVNET and theirs:
        times = min(theirs) / ours
        told = "met" if times >= PEER else "MISSED"
        yield f"{told}: {times:.1f} times faster than torch-uncertainty (at least {PEER:g})"


def _goal(what: str, found: float, most: float) -> str:
    return f"{'met' if found <= most else 'MISSED'}: {found:.2f} {what} (at most {most:g})"


def versions() -> str:
    """Of what is compared, and on what."""
    there = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    named = [f"{name} {there[name]}" for name in PACKAGES if name in there]
    cores = f"{os.cpu_count()} cores, one thread"
    return ", ".join([f"python {platform.python_version()}", cores, *named])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(DEFAULT), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=100)
    return parser.parse_args()


def compared(cell: Cell, most: int, rounds: int) -> Iterator[str]:
    cell = fastest_limit(cell, most)
    rows, failed = settled(cell, most)
    finished(rows, most, rounds)
    yield f"\n{cell.name}, batch {cell.batch}, {most} draws; the limit {cell.at_once} in a pass"
    yield from table(cell, rows, most)
    yield from (f"{name:<24}not run: {why}" for name, why in failed.items())
    yield from goals(cell.name, rows)


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # peers talk
    print(versions())
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.models.split(","):
            folder = record(name, Path(place) / name)
            for batch in map(int, arguments.batches.split(",")):
                cell = Cell(name, batch, folder)
                for line in compared(cell, arguments.draws, arguments.rounds):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
