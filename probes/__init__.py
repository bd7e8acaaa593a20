"""Probes: what runs inside the training process. Reading a recording never loads torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.folder import FathomError as FathomError
    from probes.gradients import Gradients as Gradients
    from probes.recorder import Recorder as Recorder
    from probes.updates import Updates as Updates
    from probes.weights import Weights as Weights

_HOMES = {
    "FathomError": "probes.folder",
    "Gradients": "probes.gradients",
    "Recorder": "probes.recorder",
    "Updates": "probes.updates",
    "Weights": "probes.weights",
}

__all__ = ["FathomError", "Gradients", "Recorder", "Updates", "Weights"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r} (it has: {', '.join(_HOMES)})")
