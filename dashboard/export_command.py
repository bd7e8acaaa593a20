"""`fathom export`: a recording as CSV, Parquet, netCDF or TensorBoard files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add
from dashboard.export.export import FORMATS, export
from dashboard.export.folder import taken
from dashboard.text import plain

if TYPE_CHECKING:
    from diagnostics.run import Run


def add_export(add: Add) -> None:
    told = "what was recorded, as files for pandas, xarray, spreadsheets or TensorBoard"
    command = add("export", told, "fathom export runs/digits --to parquet")
    command.add_argument(
        "run", nargs="+", type=Path, help="finished or live; a folder of runs stands for them all"
    )
    command.add_argument("--to", choices=FORMATS, required=True, help="what to write")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="a folder that does not exist yet (default: in the current directory, "
        "<run's name>-<format>); of several runs each has a folder in it",
    )
    command.set_defaults(command=_export)


def _export(asked: argparse.Namespace) -> int:
    runs = _open(asked.run)
    for run, folder in zip(runs, _folders(runs, asked), strict=True):
        files = export(run, asked.to, folder)
        print(f"{plain(str(folder))}: {', '.join(path.name for path in files)}")
    return 0


def _open(paths: Sequence[Path]) -> list[Run]:
    from diagnostics.run import Run
    from diagnostics.runs import find_runs

    inside = {path: [run.path for run in find_runs(path)] for path in paths}
    return [Run(each) for path in paths for each in inside[path] or [path]]


def _folders(runs: Sequence[Run], asked: argparse.Namespace) -> list[Path]:
    """One for each run; several of one name are numbered."""
    if len(runs) == 1:
        return [asked.output or Path(f"{runs[0].name}-{asked.to}")]
    root = asked.output or Path(f"runs-{asked.to}")
    if root.exists():
        raise taken(root)
    found: list[Path] = []
    for run in runs:
        folder, number = root / run.name, 1
        while folder in found:
            number += 1
            folder = root / f"{run.name}-{number}"
        found.append(folder)
    return found
