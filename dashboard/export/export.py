"""Exports a run, live or finished, to what other programs read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.export.columns import BINS_TOLD, DERIVED, PLACES, RECORDED
from dashboard.export.folder import new_folder
from diagnostics.run import FathomError, RunError

if TYPE_CHECKING:
    from diagnostics.run import Run

FORMATS = ("csv", "parquet", "netcdf", "tensorboard")
EXTRA = ("pyarrow", "h5netcdf", "tensorboard")  # none is needed for CSV
ABOUT = "about.json"
TRIES = 3  # a live run's files may become one file while they are read

Write = Callable[["Run", Path], None]


def export(run: Run, to: str, folder: str | os.PathLike[str]) -> list[Path]:
    """Write what is recorded so far into a new folder; the files that are in it."""
    write = _writer(to)
    target = Path(folder).absolute()
    with new_folder(target) as beside:
        _write_steadily(write, run, beside)
        about = json.dumps(_about(run, to), indent=1, allow_nan=False)
        (beside / ABOUT).write_text(about, encoding="ascii")
    return sorted(target.iterdir())


def _writer(to: str) -> Write:
    if to not in FORMATS:
        raise FathomError(f"nothing is exported to '{to}' (there are: {', '.join(FORMATS)}).")
    try:
        module = import_module(f"dashboard.export.{to}_files")
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in EXTRA:
            raise
        raise FathomError(
            f"{missing} is not installed, and an export to {to} needs it: "
            "pip install 'torch-fathom[export]'"
        ) from error
    write: Write = getattr(module, f"write_{to}")
    return write


def _write_steadily(write: Write, run: Run, folder: Path) -> None:
    """Again from the start where the run's files have meanwhile become others."""
    for _ in range(TRIES - 1):
        try:
            return write(run, folder)
        except RunError:
            if not run.refresh():
                raise
            for path in folder.iterdir():
                path.unlink()
    return write(run, folder)


def _about(run: Run, to: str) -> dict[str, Any]:
    """What was exported, of which run, and what every column means."""
    from dashboard.text import jsonable

    told: dict[str, Any] = {
        "run": run.name,
        "state": run.state,
        "last_step": run.last_step,
        "exported_to": to,
        "columns": PLACES | RECORDED | DERIVED,
        "histograms": BINS_TOLD,
        "left_out": "weights (snapshots), the loss program and stored results stay in the run's "
        "folder; arrays of any shape are exported to netcdf alone",
        "dropped": run.dropped,
        "passed_over": list(run.passed_over),
        "info": run.info,
        "summary": run.summary,
    }
    if to == "csv":
        from dashboard.export.csv_files import APOSTROPHE

        told["apostrophes"] = APOSTROPHE
    found: dict[str, Any] = jsonable(told)
    return found
