"""Probes: what runs inside the training process. Reading a recording never loads torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.activation_gradients import ActivationGradients as ActivationGradients
    from probes.activations import Activations as Activations
    from probes.answers import Answers as Answers
    from probes.attention import Attention as Attention
    from probes.batches import Batches as Batches
    from probes.clearing import Clearing as Clearing
    from probes.custom_backward import CustomBackward as CustomBackward
    from probes.distinct import Distinct as Distinct
    from probes.folder import FathomError as FathomError
    from probes.foresight import Foresight as Foresight
    from probes.gradients import Gradients as Gradients
    from probes.modes import Modes as Modes
    from probes.optimizer_state import OptimizerState as OptimizerState
    from probes.outputs import Outputs as Outputs
    from probes.program.objective import Whole as Whole
    from probes.recorder import Recorder as Recorder
    from probes.running_statistics import RunningStatistics as RunningStatistics
    from probes.snapshots import Snapshots as Snapshots
    from probes.updates import Updates as Updates
    from probes.validation import Validation as Validation
    from probes.weights import Weights as Weights
    from probes.wiring import Wiring as Wiring

_HOMES = {
    "ActivationGradients": "probes.activation_gradients",
    "Activations": "probes.activations",
    "Answers": "probes.answers",
    "Attention": "probes.attention",
    "Batches": "probes.batches",
    "Clearing": "probes.clearing",
    "CustomBackward": "probes.custom_backward",
    "Distinct": "probes.distinct",
    "FathomError": "probes.folder",
    "Foresight": "probes.foresight",
    "Gradients": "probes.gradients",
    "Modes": "probes.modes",
    "OptimizerState": "probes.optimizer_state",
    "Outputs": "probes.outputs",
    "Recorder": "probes.recorder",
    "RunningStatistics": "probes.running_statistics",
    "Snapshots": "probes.snapshots",
    "Updates": "probes.updates",
    "Validation": "probes.validation",
    "Weights": "probes.weights",
    "Whole": "probes.program.objective",
    "Wiring": "probes.wiring",
}

__all__ = [
    "ActivationGradients",
    "Activations",
    "Answers",
    "Attention",
    "Batches",
    "Clearing",
    "CustomBackward",
    "Distinct",
    "FathomError",
    "Foresight",
    "Gradients",
    "Modes",
    "OptimizerState",
    "Outputs",
    "Recorder",
    "RunningStatistics",
    "Snapshots",
    "Updates",
    "Validation",
    "Weights",
    "Whole",
    "Wiring",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r} (it has: {', '.join(_HOMES)})")
