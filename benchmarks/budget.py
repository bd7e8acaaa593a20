"""Does Fathom keep the share of training time it is given? Asked against measured, by model.

Its first 50 steps are all recorded, whatever they cost. If a record costs c steps, and a step
without one i steps (its log call), they are paid back from a share b after 50 c / (b - i) steps.
So c and i are found first, and each row then runs half as long again, 500 steps at the least:
with c = 0.3, i = 0.002 and b = 0.02 that is 1250. Where i leaves less than a fifth of b, a fifth
is reckoned with.

`cpu` and `wall` are measured against a bare twin, `says` is what the recorder itself makes of it;
all are shares of the instrumented training's time, as the budget is.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from apart import attempt
from cells import Cell, Figures
from models import WORKLOADS
from overhead import found, names_of, say, versions
from twins import measure

DENSE = 50  # steps that are recorded whatever they cost
MARGIN = 1.5  # times as many steps as they need to be paid back
LEAST_STEPS = 500
LEAST_COST = 0.02  # of a record, in steps: less is not told from noise
TOLERANCE = 0.005  # a share this much above the one asked for still counts as kept
PROBE_STEPS = {"mlp": 200, "resnet20": 20, "gpt": 15}  # to find what a record costs


@dataclass(frozen=True)
class Costs:
    """What Fathom takes of a model's step, in bare steps."""

    record: float
    idle: float

    def steps(self, budget: float) -> int:
        """After which the dense beginning is paid back, and a margin."""
        left = max(budget - self.idle, budget / 5)
        return max(LEAST_STEPS, math.ceil(MARGIN * DENSE * self.record / left))


def costs(model: str) -> Costs | str:
    """Of a record as measured; of a step without as the recorder says: it is too small to time."""
    say(f"{model}: what a record costs")
    few = PROBE_STEPS[model]
    dense = attempt(measure, Cell(model, "fathom", cadence=1, steps=few))
    rare = attempt(measure, Cell(model, "fathom", cadence=10 * few, steps=10 * few))
    if isinstance(dense, str) or isinstance(rare, str):
        return dense if isinstance(dense, str) else str(rare)
    return Costs(max(LEAST_COST, dense.mean - 1), rare.claimed)


def share(ratio: float) -> float:
    """Of the instrumented time, from instrumented over bare."""
    return 1 - 1 / ratio


HEADER = (
    f"{'model':<10}{'asked':>7} | {'cpu':>8}{'wall':>8}{'says':>8} | {'steps':>6}{'records':>8} |"
)


def line(cell: Cell, asked: float, f: Figures | str) -> str:
    if isinstance(f, str):
        return f"{cell.model:<10}{asked:>7.1%} | {f}"
    cpu, wall = share(f.mean), share(f.wall)
    return (
        f"{cell.model:<10}{asked:>7.1%} | {cpu:>8.2%}{wall:>8.2%}{f.claimed:>8.2%} | "
        f"{f.steps:>6.0f}{f.records:>8.0f} | {'kept' if cpu <= asked + TOLERANCE else 'EXCEEDED'}"
    )


def control(model: str) -> str:
    """How far bare is from bare: no share is known better than that."""
    say(f"{model}: bare against bare")
    f = attempt(measure, Cell(model, "bare", None, 10 * PROBE_STEPS[model]))
    off = f if isinstance(f, str) else f"is off by {abs(share(f.mean)):.2%}"
    return f"{model:<10}bare against bare {off}"


def examine(model: str, arguments: argparse.Namespace) -> dict[Cell, Figures | str]:
    """Every budget on one model, printed as it comes."""
    cost = costs(model)
    if isinstance(cost, str):
        print(f"{model:<10}{cost}")
        return {}
    rows = {}
    for asked in arguments.budgets:
        steps = arguments.steps or cost.steps(asked)
        cell = Cell(model, "fathom", None, steps, budget=asked)
        say(f"{model}: {cell.name}, {steps} steps")
        rows[cell] = attempt(measure, cell)
        print(line(cell, asked, rows[cell]), flush=True)
    print(
        f"{control(model)}; a record costs {cost.record:.2f} steps, none {cost.idle:.4f}",
        flush=True,
    )
    return rows


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=names_of(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.005, 0.01, 0.02, 0.05])
    parser.add_argument("--steps", type=int, help="of every row (default: enough, see above)")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print(HEADER)
    rows: list[dict[str, object]] = []
    for model in arguments.models:
        for cell, f in examine(model, arguments).items():
            rows.append(asdict(cell) | found(f))
        if arguments.json:
            arguments.json.write_text(json.dumps({"versions": versions(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
