"""Measures in a process of its own, or says why not: no row takes the others down."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tools import missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Cell

LONGEST = 3600  # seconds that one measurement may take
WIDTH = 160  # of the reason given for a failure
TASK, ANSWER, WRITTEN, TEMPORARY = "task", "answer", "written", "temporary"
Found = TypeVar("Found")


def attempt(measure: Callable[[Cell, Path], Found], cell: Cell) -> Found | str:
    """What a measurement gives, or one line on why there is none."""
    if install := missing(cell.tool):
        return f"not installed ({install})"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for each in (WRITTEN, TEMPORARY):
            (folder / each).mkdir()
        (folder / TASK).write_bytes(pickle.dumps((measure, cell)))
        try:
            ended = start(folder, cell.tool)
        except subprocess.TimeoutExpired:
            return f"failed: took more than {LONGEST} seconds"
        if not (folder / ANSWER).exists():
            return f"failed: its process ended by itself ({ended})"
        return pickle.loads((folder / ANSWER).read_bytes())


def start(folder: Path, tool: str) -> int:
    """Peers talk; but what Fathom has to say on its standard error is worth hearing."""
    return subprocess.run(
        [sys.executable, __file__, str(folder)],
        check=False,
        timeout=LONGEST,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if tool == "fathom" else subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder / TEMPORARY)},
    ).returncode


def main(folder: Path) -> None:
    """In the new process. Some libraries leave by SystemExit, which is a failure too."""
    try:
        measure, cell = pickle.loads((folder / TASK).read_bytes())
        answer = measure(cell, folder / WRITTEN)
    except BaseException as error:
        answer = " ".join(f"failed: {type(error).__name__}: {error}".split())[:WIDTH]
    (folder / ANSWER).write_bytes(pickle.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
