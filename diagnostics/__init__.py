"""Diagnostics: reads a run; gives numbers and verdicts. Loads neither torch nor plotly."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnostics.doctor import examine as examine
    from diagnostics.run import Run as Run
    from diagnostics.runs import find_runs as find_runs
    from diagnostics.subject import Subject as Subject

_HOMES = {
    "Run": "diagnostics.run",
    "Subject": "diagnostics.subject",
    "examine": "diagnostics.doctor",
    "find_runs": "diagnostics.runs",
}

__all__ = ["Run", "Subject", "examine", "find_runs"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(
        f"module 'diagnostics' has no attribute {name!r} (it has: {', '.join(_HOMES)})"
    )
