"""CSV: one file a table, exact, and harmless when a spreadsheet opens it.

A text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a line break)
gets an apostrophe in front, and so does one that begins with an apostrophe: whoever takes one
leading apostrophe off has the very text that was recorded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.export.tables import TABLES, Batch, Column, Words

if TYPE_CHECKING:
    from diagnostics.run import Run

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
APOSTROPHE = (
    "a text that begins with = + - @, a tab, a line break or an apostrophe has an apostrophe in "
    "front (a spreadsheet would compute it); take one leading apostrophe off"
)
END = "\r\n"


def write_csv(run: Run, folder: Path) -> None:
    """Every table of the run as `<table>.csv`."""
    for name, table in TABLES.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            for place, batch in enumerate(table(run)):
                if place == 0:
                    file.write(",".join(batch) + END)
                file.writelines(_lines(batch))


def _lines(batch: Batch) -> Iterator[str]:
    template = ",".join(map(_format, batch.values())) + END
    return map(template.__mod__, zip(*map(_values, batch.values()), strict=True))


def _format(column: Column) -> str:
    """Nine digits give a 32-bit float back, `repr` a 64-bit one."""
    if isinstance(column, Words):
        return "%s"
    if column.dtype.kind in "iu":
        return "%d"
    return "%.9g" if column.dtype.itemsize == 4 else "%r"


def _values(column: Column) -> list[Any]:
    if not isinstance(column, Words):
        values: list[Any] = column.tolist()
        return values
    cells = [cell(word) for word in column.words]
    return [cells[code] for code in column.codes.tolist()]


def cell(text: str) -> str:
    """A text as a cell: quoted where it must be, never a formula."""
    harmless = f"'{text}" if text.startswith(FORMULAS) else text
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_MINIMAL).writerow([harmless, ""])
    return written.getvalue().removesuffix("," + END)
