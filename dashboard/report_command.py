"""`fathom report`: one HTML file or PDF about one or several runs, or each picture as a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.run import Run

FINE = 0
KINDS = ("png", "svg", "pdf")  # of pictures
Command = Callable[[str, str, str], argparse.ArgumentParser]
Open = Callable[[Sequence[Path]], "list[Run]"]
NOT_ONE_PICTURE = (
    "{path}: a report is many pictures. Give a folder, and say which kind: "
    "fathom report … -o {folder} --pictures {kind}"
)


def add_report(command: Command, open_runs: Open) -> None:
    """Its arguments."""
    told = "one self-contained HTML file about one or several runs; or a PDF, or its pictures"
    report = command("report", told, "fathom report runs/digits -o digits.html")
    report.add_argument("run", nargs="+", type=Path)
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="the .html or .pdf to write (default: in the current directory, <run's name>.html, "
        "or report.html for several runs); with --pictures a folder",
    )
    report.add_argument(
        "--pictures",
        choices=KINDS,
        help="write every picture as a file of its own instead (needs kaleido)",
    )
    report.set_defaults(command=lambda asked: _report(asked, open_runs(asked.run)))


def _report(asked: argparse.Namespace, runs: Sequence[Run]) -> int:
    from dashboard.picture_files import write_pictures

    name = runs[0].name if len(runs) == 1 else "report"
    if asked.pictures:
        folder = asked.output or Path(f"{name}-pictures")
        written = write_pictures(runs, folder, asked.pictures)
        print("\n".join(map(str, written)))
    else:
        print(_written(runs, asked.output or Path(f"{name}.html")))
    return FINE


def _written(runs: Sequence[Run], path: Path) -> Path:
    """By its ending; a name without one that is known is an HTML file's."""
    from dashboard.paper import pdf_report
    from dashboard.report import report
    from diagnostics.run import FathomError

    kind = path.suffix.lower().removeprefix(".")
    if kind == "pdf":
        return pdf_report(runs, path)
    if kind in {"png", "svg", "jpg", "jpeg", "webp"}:
        known = kind if kind in KINDS else "png"
        told = {"path": path, "folder": path.with_suffix(""), "kind": known}
        raise FathomError(NOT_ONE_PICTURE.format(**told))
    return report(runs, path)
