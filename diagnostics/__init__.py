"""Diagnostics: reads a run; gives numbers and verdicts. Loads neither torch nor plotly."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnostics.checks import preflight as preflight
    from diagnostics.doctor import examine as examine
    from diagnostics.run import Run as Run
    from diagnostics.runs import find_runs as find_runs
    from diagnostics.subject import Subject as Subject
    from diagnostics.treatment.training import Training as Training
    from diagnostics.treatment.treat import treat as treat

_HOMES = {
    "Run": "diagnostics.run",
    "Subject": "diagnostics.subject",
    "Training": "diagnostics.treatment.training",
    "examine": "diagnostics.doctor",
    "find_runs": "diagnostics.runs",
    "preflight": "diagnostics.checks",
    "treat": "diagnostics.treatment.treat",
}

__all__ = ["Run", "Subject", "Training", "examine", "find_runs", "preflight", "treat"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(
        f"module 'diagnostics' has no attribute {name!r} (it has: {', '.join(_HOMES)})"
    )
