"""Probes: what runs inside the training process. Reading a recording never loads torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.activation_gradients import ActivationGradients as ActivationGradients
    from probes.activations import Activations as Activations
    from probes.attention import Attention as Attention
    from probes.batches import Batches as Batches
    from probes.folder import FathomError as FathomError
    from probes.gradients import Gradients as Gradients
    from probes.modes import Modes as Modes
    from probes.optimizer_state import OptimizerState as OptimizerState
    from probes.outputs import Outputs as Outputs
    from probes.program.objective import Whole as Whole
    from probes.recorder import Recorder as Recorder
    from probes.snapshots import Snapshots as Snapshots
    from probes.updates import Updates as Updates
    from probes.weights import Weights as Weights

_HOMES = {
    "ActivationGradients": "probes.activation_gradients",
    "Activations": "probes.activations",
    "Attention": "probes.attention",
    "Batches": "probes.batches",
    "FathomError": "probes.folder",
    "Gradients": "probes.gradients",
    "Modes": "probes.modes",
    "OptimizerState": "probes.optimizer_state",
    "Outputs": "probes.outputs",
    "Recorder": "probes.recorder",
    "Snapshots": "probes.snapshots",
    "Updates": "probes.updates",
    "Weights": "probes.weights",
    "Whole": "probes.program.objective",
}

__all__ = [
    "ActivationGradients",
    "Activations",
    "Attention",
    "Batches",
    "FathomError",
    "Gradients",
    "Modes",
    "OptimizerState",
    "Outputs",
    "Recorder",
    "Snapshots",
    "Updates",
    "Weights",
    "Whole",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r} (it has: {', '.join(_HOMES)})")
