"""What recording costs a training step: Fathom beside wandb, TensorBoard and a naive hook.

In a process of its own for every row, a bare network and its instrumented copy step alternately
on the same batches, first one first and then the other, on one torch thread. `bare` against
`bare` is the control: what its row is off by, every other row may be off by too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import TYPE_CHECKING

from models import WORKLOADS
from tools import TOOLS
from twins import Cell, Figures, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CONTROL = 0.015  # a control further from 1 than this makes a model's figures inconclusive
LEAST = 0.005  # and no cost smaller than this is told from nothing, whatever the control says
PEERS = ("wandb", "tensorboard")
INSTALL = "pip install wandb tensorboard psutil"


def cells(arguments: argparse.Namespace, model: str) -> list[Cell]:
    """The rows of a model's table; whole numbers of cadences, so that means are amortised."""
    workload, rows = WORKLOADS[model], []
    steps = arguments.steps or workload.steps
    lengths = {k: -(-steps // k) * k for k in arguments.cadence}
    for tool in arguments.tools:
        if tool == "bare":
            rows.append(Cell(model, tool, 1, max(lengths.values())))
            continue
        if tool == "fathom":
            rows.append(Cell(model, tool, None, arguments.steps or workload.budget_steps))
        rows += [Cell(model, tool, k, length) for k, length in lengths.items()]
    return rows


def run(rows: list[Cell], repeats: int) -> dict[Cell, Figures | str]:
    """Every row in turn, over and over; Fathom's defaults once, for that row is long."""
    found: dict[Cell, list[Figures | str]] = {cell: [] for cell in rows}
    for repeat in range(repeats):
        for cell in rows:
            if repeat == 0 or cell.cadence is not None:
                print(f"\r{cell.model}: {cell.name:<30}", end="", file=sys.stderr, flush=True)
                found[cell].append(attempt(cell))
    print("\r" + " " * 50 + "\r", end="", file=sys.stderr, flush=True)
    return {cell: medians(figures) for cell, figures in found.items()}


def attempt(cell: Cell) -> Figures | str:
    """Measure in a process of its own, or say why not: no row takes the others down."""
    if cell.tool in PEERS and not importlib.util.find_spec(cell.tool):
        return f"not installed ({INSTALL})"
    context = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["torch"])
    try:
        with ProcessPoolExecutor(1, context) as process:
            return process.submit(measure, cell).result()
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}"


def medians(found: list[Figures | str]) -> Figures | str:
    """Figure by figure; a failure tells more than what went well."""
    figures = [figure for figure in found if isinstance(figure, Figures)]
    if len(figures) < len(found):
        return next(why for why in found if isinstance(why, str))
    return Figures(*map(statistics.median, zip(*map(astuple, figures), strict=True)))


HEADER = (
    f"{'':<26}{'steps':>6}{'records':>8} | {'p20':>6}{'median':>7}{'mean':>7}{'wall':>7}"
    f"{'threads':>8}{'children':>9} | {'bytes/record':>12}{'close':>8}"
)


def line(cell: Cell, figures: Figures | str) -> str:
    """One row of a table."""
    if isinstance(figures, str):
        return f"{cell.name:<26}{figures}"
    f = figures
    size = f"{f.bytes_per_record:,.0f}" if f.bytes_per_record else "-"
    return (
        f"{cell.name:<26}{cell.steps:>6}{f.records:>8.0f} | {f.p20:>6.3f}{f.median:>7.3f}"
        f"{f.mean:>7.3f}{f.wall:>7.3f}{f.threads:>8.3f}{f.children:>9.3f} | {size:>12}"
        f"{f.close_s:>6.2f} s"
    )


class Verdict:
    """What a model's figures say in words."""

    def __init__(self, results: dict[Cell, Figures | str]) -> None:
        good = {cell: f for cell, f in results.items() if isinstance(f, Figures)}
        self.steps = {(cell.tool, cell.cadence): cell.steps for cell in good}
        self.of = {(cell.tool, cell.cadence): f for cell, f in good.items()}
        control = self.of.get(("bare", 1))
        off = [abs(x - 1) for x in (control.p20, control.median, control.mean)] if control else [0]
        self.error = max(off)
        self.floor = max(LEAST, self.error)

    def lines(self) -> Iterator[str]:
        if self.error > CONTROL:
            yield f"inconclusive: bare against bare is off by {100 * self.error:.1f} %"
        if ("fathom", None) in self.of:
            yield self.defaults(self.of["fathom", None], self.steps["fathom", None])
        for tool, cadence in self.of:
            if tool == "fathom" and cadence is not None:
                yield self.at_equal_cadence(cadence)

    def defaults(self, figures: Figures, steps: int) -> str:
        cost = f"fathom at its defaults: {100 * (figures.mean - 1):.1f} %"
        return f"{cost} (over {steps} steps, {figures.records:.0f} of them recorded)"

    def at_equal_cadence(self, cadence: int) -> str:
        peers = [tool for tool in PEERS if (tool, cadence) in self.of]
        best = min(peers, key=lambda tool: self.of[tool, cadence].mean, default="")
        parts = [
            self.less(tool, words, cadence)
            for tool, words in ((best, f"the best peer ({best})"), ("naive", "the naive hook"))
            if (tool, cadence) in self.of
        ]
        if "tensorboard" in peers:
            ratio = self.bytes("tensorboard", cadence) / self.bytes("fathom", cadence)
            parts.append(f"writes {ratio:.0f} times fewer bytes than TensorBoard")
        return f"at equal cadence (every {cadence}) fathom {'; '.join(parts) or 'stands alone'}"

    def less(self, tool: str, words: str, cadence: int) -> str:
        """How many times less than a tool; never more than the control allows to say."""
        cost = self.of[tool, cadence].mean - 1
        ours = self.of["fathom", cadence].mean - 1
        if cost < self.floor:
            return f"cannot be told from {words}, which cannot be told from nothing"
        if abs(ours - cost) < self.floor:
            return f"costs as much as {words}, as far as can be told"
        if ours > cost:
            return f"costs {ours / cost:.1f} times more than {words}"
        least = "at least " if ours < self.floor else ""
        return f"costs {least}{cost / max(ours, self.floor):.1f} times less than {words}"

    def bytes(self, tool: str, cadence: int) -> float:
        return self.of[tool, cadence].bytes_per_record


def versions() -> dict[str, str]:
    """Of what was compared."""
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for package in ("torch", "numpy", *PEERS):
        if importlib.util.find_spec(package):
            found[package] = importlib.metadata.version(package)
    return found


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=names_of(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--tools", type=names_of(TOOLS), default=list(TOOLS))
    parser.add_argument("--cadence", type=cadences, default=[1, 10], help="every k-th step: 1,10")
    parser.add_argument("--steps", type=int, help="counted steps of every row (default: by model)")
    parser.add_argument("--repeats", type=int, default=3, help="processes a row; medians are shown")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    return parser.parse_args()


def names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A comma-separated choice among what is known."""

    def chosen(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(known):
            raise argparse.ArgumentTypeError(
                f"no {', '.join(unknown)} (there are: {', '.join(known)})"
            )
        return text.split(",")

    return chosen


def cadences(text: str) -> list[int]:
    return [int(k) for k in text.split(",")]


def main() -> None:
    arguments = parsed()
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print("instrumented step over bare step; threads, children: their CPU over a bare step")
    everything = {}
    for model in arguments.models:
        results = run(cells(arguments, model), arguments.repeats)
        everything.update(results)
        bare = [f.bare_ms for f in results.values() if isinstance(f, Figures)]
        print(f"\n{model}: {min(bare, default=0):.1f} ms a step\n{HEADER}")
        print("\n".join(line(cell, figures) for cell, figures in results.items()))
        print("\n".join(Verdict(results).lines()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(everything), indent=1))


def as_json(results: dict[Cell, Figures | str]) -> dict[str, object]:
    rows = [
        asdict(cell) | (asdict(f) if isinstance(f, Figures) else {"missing": f})
        for cell, f in results.items()
    ]
    return {"versions": versions(), "rows": rows}


if __name__ == "__main__":
    main()
