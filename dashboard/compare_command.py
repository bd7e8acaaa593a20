"""`fathom compare`: where runs part, what was set otherwise, and which of them did better."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dashboard.analyse.options import Add

SAME, APART = 0, 1


def add_compare(add: Add) -> None:
    told = "where runs part, by layer; which settings differ; last and best values side by side"
    compare = add("compare", told, "fathom compare runs/first runs/second")
    compare.add_argument(
        "run",
        nargs="+",
        type=Path,
        help="two runs or more, the first is compared with each other one; or a folder of runs",
    )
    compare.add_argument(
        "--along",
        choices=("step", "time", "tokens"),
        default="step",
        help="align them by step, by time since each one's start, or by data seen (default: step)",
    )
    compare.add_argument("--json", action="store_true", help="for machines")
    compare.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 1 if anything recorded differs, such as to prove that a training repeats",
    )
    compare.set_defaults(command=_compare)


def _compare(asked: argparse.Namespace) -> int:
    from dashboard.comparison.terminal import compared, data, text
    from diagnostics.comparison import MOST
    from diagnostics.run import FathomError, Run
    from diagnostics.runs import find_runs

    inside = {path: [run.path for run in find_runs(path)] for path in asked.run}
    runs = [Run(each) for path in asked.run for each in inside[path] or [path]]
    if not 2 <= len(runs) <= MOST:
        there = ", ".join(run.name for run in runs[:MOST])
        raise FathomError(f"{len(runs)} runs cannot be compared ({there}); name 2 to {MOST}.")
    found = compared(runs, asked.along)
    print(json.dumps(data(found), indent=2, allow_nan=False) if asked.json else text(found))
    return APART if asked.exit_code and found.differ else SAME
