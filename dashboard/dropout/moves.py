"""What plotly's `update` has to be given to turn one drawing into another of the same traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.function_line import written

Trace = dict[str, Any]

KEYS = ("x", "y", "z", "name", "error_y.array", "error_y.arrayminus")


def moves(drawings: Sequence[Sequence[Trace]], start: int) -> list[tuple[Trace, list[int]]]:
    """For each drawing the changes, and the traces, counted from `start`, that they are of.

    Whatever differs anywhere is in all of them: a slider may come from any stop to any other.
    """
    first = drawings[0]
    unlike = [
        {key for key in KEYS if any(not _same(_at(at, key), _at(one[n], key)) for one in drawings)}
        for n, at in enumerate(first)
    ]
    moving = [n for n, keys in enumerate(unlike) if keys]
    keys = [key for key in KEYS if any(key in some for some in unlike)]
    return [
        (
            {key: [_plain(_at(drawing[n], key)) for n in moving] for key in keys},
            [start + n for n in moving],
        )
        for drawing in drawings
    ]


def _at(trace: Trace, key: str) -> Any:
    """A value, or None; a dot leads into a part of the trace."""
    outer, _, inner = key.partition(".")
    found = trace.get(outer)
    return found.get(inner) if inner and isinstance(found, dict) else found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        numbers = not any(np.asarray(each).dtype.kind in "OU" for each in (one, other))
        return bool(np.array_equal(one, other, equal_nan=numbers))
    return bool(one == other)


def _plain(value: Any) -> Any:
    """Arrays in five digits, as each stop carries its own."""
    if not isinstance(value, np.ndarray):
        return value
    return [_plain(row) for row in value] if value.ndim > 1 else written(value)
