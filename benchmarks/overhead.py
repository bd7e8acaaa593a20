"""What recording costs a training step: Fathom beside its peers and a naive hook.

In a process of its own for every row, a bare network and its instrumented copy step alternately
on the same batches, first one first and then the other, on one torch thread. `bare` against
`bare` is the control: what its row is off by, every other row may be off by too.

Memory is that of a training by itself, in another process: the growth of its peak over the state
before the first step, as a ratio to what a bare one grows by. `helpers` are child processes.

The last table is of compiled models, six steps with every second one recorded: how many graphs
torch.compile makes with and without each tool, and how often it has to break one.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING

import alone
import verdict
from apart import attempt
from cells import Cell, Compiled, Figures
from models import WORKLOADS
from tools import DISTRIBUTIONS, INSTALL, TOOLS
from twins import WARM_UP, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DENSE = 50  # Fathom's defaults record so many steps in a row, so memory is asked after them


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
                say(f"{cell.model}: {cell.name}")
                found[cell].append(whole(cell))
    say("")
    return {cell: medians(figures) for cell, figures in found.items()}


def say(text: str) -> None:
    """What is under way, in a line that the next one replaces."""
    print(f"\r{text:<50}\r", end="", file=sys.stderr, flush=True)


def whole(cell: Cell) -> Figures | str:
    """Time in one process, memory in another."""
    figures = attempt(measure, cell)
    if isinstance(figures, str):
        return figures
    steps = WARM_UP + (cell.cadence or DENSE)
    found = attempt(alone.memory, replace(cell, steps=max(10, steps)))
    return found if isinstance(found, str) else replace(figures, memory=found[0], helpers=found[1])


def medians(found: list[Figures | str]) -> Figures | str:
    """Figure by figure; a failure tells more than what went well."""
    figures = [figure for figure in found if isinstance(figure, Figures)]
    if len(figures) < len(found):
        return next(why for why in found if isinstance(why, str))
    return Figures(*map(statistics.median, zip(*map(astuple, figures), strict=True)))


HEADER = (
    f"{'':<24}{'steps':>6}{'records':>8} | {'p20':>7}{'median':>8}{'mean':>8}{'wall':>8}"
    f"{'threads':>8}{'children':>9} | {'memory':>16}{'helpers':>8} | "
    f"{'bytes/record':>12}{'snapshots':>10}{'close':>8}"
)


def table(results: dict[Cell, Figures | str]) -> str:
    """Every row of a model."""
    good = [(cell.tool, f) for cell, f in results.items() if isinstance(f, Figures)]
    bare = next((f.memory for tool, f in good if tool == "bare"), float("nan"))
    return "\n".join([HEADER, *(line(cell, figures, bare) for cell, figures in results.items())])


def line(cell: Cell, f: Figures | str, bare_memory: float) -> str:
    """One row of a table."""
    if isinstance(f, str):
        return f"{cell.name:<24}{f}"
    size = f"{f.bytes_per_record:,.0f}" if f.bytes_per_record else "-"
    return (
        f"{cell.name:<24}{f.steps:>6.0f}{f.records:>8.0f} | {f.p20:>7.3f}{f.median:>8.3f}"
        f"{f.mean:>8.3f}{f.wall:>8.3f}{f.threads:>8.3f}{f.children:>9.3f} | "
        f"{f.memory:>6.0f} MB{f.memory / bare_memory:>6.2f}x{f.helpers:>5.0f} MB | "
        f"{size:>12}{f.snapshots:>7.1f} MB{f.close_s:>6.2f} s"
    )


def compile_with(tools: list[str], model: str) -> dict[str, Compiled | str]:
    """The graphs of one model with each tool."""
    found = {}
    for tool in tools:
        say(f"{model}: {tool}, compiled")
        found[tool] = attempt(alone.compiled, Cell(model, tool, cadence=2, steps=6))
    say("")
    return found


def compiled_table(results: dict[str, Compiled | str]) -> str:
    rows = [f"{'compiled':<24}{'graphs':>7}{'breaks':>7}{'records':>8}"]
    for tool, c in results.items():
        told = (
            c if isinstance(c, str) else f"{c.graphs:>7}{c.breaks:>7}{c.records:>8}  ({c.backend})"
        )
        rows.append(f"{tool:<24}{told}")
    return "\n".join(rows)


def versions() -> dict[str, str]:
    """Of what was compared."""
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    names = ("torch-fathom", "torch", "numpy", *DISTRIBUTIONS)
    return found | {name: installed[name] for name in names if name in installed}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=INSTALL, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=names_of(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--tools", type=names_of(TOOLS), default=list(TOOLS))
    parser.add_argument("--cadence", type=cadences, default=[1, 10, 100], help="every k-th: 1,10")
    parser.add_argument("--steps", type=int, help="counted steps of every row (default: by model)")
    parser.add_argument("--repeats", type=int, default=3, help="processes a row; medians are shown")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled models out")
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
    timed: dict[Cell, Figures | str] = {}
    graphs: dict[str, dict[str, Compiled | str]] = {}
    for model in arguments.models:
        results = run(cells(arguments, model), arguments.repeats)
        bare = [f.bare_ms for f in results.values() if isinstance(f, Figures)]
        print(f"\n{model}: {min(bare, default=0):.1f} ms a step\n{table(results)}")
        print("\n".join(verdict.Verdict(model, results).lines()), flush=True)
        timed.update(results)
        if not arguments.no_compile:
            graphs[model] = compile_with(arguments.tools, model)
            lines = compiled_table(graphs[model]), *verdict.compiled(graphs[model])
            print("\n".join(lines), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(as_json(timed, graphs), indent=1))


def as_json(
    timed: dict[Cell, Figures | str], graphs: dict[str, dict[str, Compiled | str]]
) -> dict[str, object]:
    rows = [asdict(cell) | found(f) for cell, f in timed.items()]
    compiled = [
        {"model": model, "tool": tool} | found(c)
        for model, tools in graphs.items()
        for tool, c in tools.items()
    ]
    return {"versions": versions(), "rows": rows, "compiled": compiled}


def found(what: Figures | Compiled | str) -> dict[str, object]:
    return {"missing": what} if isinstance(what, str) else asdict(what)


if __name__ == "__main__":
    main()
