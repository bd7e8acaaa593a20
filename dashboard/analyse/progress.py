"""How far a computation is, told while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Told: TypeAlias = Callable[[int, int], None]  # done, of how many


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """How far it is, on standard error: one line made anew; in a file or a pipe a line a second."""
    live = sys.stderr.isatty()
    begun, last = time.monotonic(), 0.0
    first: int | None = None  # what was there already takes no time

    def tell(done: int, of: int) -> None:
        nonlocal last, first
        first, now = done if first is None else first, time.monotonic()
        if now - last < (0.2 if live else 1.0) and done < of:
            return
        last = now
        made, spent = done - first, now - begun
        left = f", {_time((of - done) * spent / made)} left" if made and done < of else ""
        line = f"{done} of {of} {what}{left}"
        if live:
            print(f"\r{line}".ljust(60), end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if live and last:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
