"""Reading a small file of a run folder that a stranger may have made: never waiting, never much."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LARGEST_TEXT = 64 << 20  # bytes; a program of ten thousand layers has a third of them


def read_plain(path: Path, most: int = LARGEST_TEXT) -> bytes:
    """All of a file; one that is none (a pipe would never end) or too large is an OSError."""
    # a pipe opened without O_NONBLOCK waits for whoever writes into it
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path.name} is not a file")
        if found.st_size > most:
            raise OSError(f"{path.name} has {found.st_size:,} bytes, of at most {most:,}")
        return _all(file, most)
    finally:
        os.close(file)


def _all(file: int, most: int) -> bytes:
    """It may grow while it is read, and be larger than it said."""
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
        most -= len(part)
        if most < 0:
            raise OSError("it grew beyond measure while it was read")
    return b"".join(parts)
