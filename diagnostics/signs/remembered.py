"""Looks once at a run as it stands: what many rules ask for is computed a single time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from diagnostics.run import Run

T = TypeVar("T")


def remembered(look: Callable[[Run], T]) -> Callable[[Run], T]:
    """The same answer until the run has grown."""
    kept: WeakKeyDictionary[Run, tuple[int, T]] = WeakKeyDictionary()

    @wraps(look)
    def asked(run: Run) -> T:
        known = kept.get(run)
        if known is None or known[0] != run.generation:
            kept[run] = known = run.generation, look(run)
        return known[1]

    return asked
