"""What the Recorder can be given; where it is not that, a sentence says what it should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from probes.activation_gradients import ActivationGradients
from probes.activations import Activations
from probes.answers import Answers
from probes.attention import Attention
from probes.batches import Batches
from probes.clearing import Clearing
from probes.custom_backward import CustomBackward
from probes.distinct import Distinct
from probes.folder import FathomError
from probes.foresight import Foresight
from probes.gradients import Gradients
from probes.modes import Modes
from probes.named_tensors import named_tensors
from probes.optimizer_state import OptimizerState
from probes.outputs import Outputs
from probes.parameters import selected
from probes.probe import Probe
from probes.program.objective import Loss, model_inputs
from probes.running_statistics import RunningStatistics
from probes.snapshots import Snapshots
from probes.updates import Updates
from probes.validation import Validation
from probes.weights import Weights
from probes.wiring import Wiring


def checked_model(model: nn.Module, layers: str | None) -> nn.Module:
    """A module with at least one parameter to record."""
    if not isinstance(model, nn.Module):
        raise FathomError(
            f"the first argument is a {type(model).__name__}, not a torch.nn.Module; the order "
            "is Recorder(model, optimizer, path)."
        )
    if not selected(model, layers):
        names = [name for name, _ in model.named_parameters()]
        raise FathomError(
            f"layers={layers!r} selects no parameter of {type(model).__name__} "
            f"(it has: {', '.join(names[:8]) or 'none'}{', …' if names[8:] else ''})."
        )
    return model


def listed_optimizers(optimizer: Optimizer | Iterable[Optimizer] | None) -> list[Optimizer]:
    """One, several, or none for an update written by hand."""
    if optimizer is None:
        return []
    found = [optimizer] if isinstance(optimizer, Optimizer) else list(optimizer)
    for each in found:
        if not isinstance(each, Optimizer):
            raise FathomError(
                f"the second argument holds a {type(each).__name__}, not a torch optimizer; give "
                "the optimizer, a list of them, or None for an update written by hand."
            )
    return found


def default_probes() -> list[Probe]:
    """All that need nothing but the model and its optimizer."""
    batches = Batches()
    return [
        Gradients(),
        Weights(),
        Updates(),
        Activations(),
        ActivationGradients(),
        OptimizerState(),
        Attention(),
        batches,
        Validation(batches),
        RunningStatistics(),
        Modes(),
        Wiring(),
        Clearing(),
        Distinct(),
        CustomBackward(),
        Answers(),
        Foresight(),
        Snapshots(),
    ]


def chosen_probes(
    probes: Sequence[Probe] | None, loss: Loss = None, batch: Any = None
) -> list[Probe]:
    """The usual ones, if none are chosen; each with a series of its own."""
    if loss is not None and batch is None:
        raise FathomError(
            "loss= without batch=: the loss program is made by running both; pass "
            "batch=(inputs, target) too."
        )
    inputs = model_inputs(loss, batch)
    inputs = tuple(inputs) if type(inputs) is list else inputs
    fit = bool(named_tensors("", inputs))
    chosen = list(probes) if probes is not None else default_probes() + [Outputs()] * fit
    for probe in chosen:
        if isinstance(probe, Outputs) and not probe.is_fed:
            _feed(probe, inputs, fit=fit)
    names = [probe.series for probe in chosen]
    for name in names:
        if not name.isidentifier() or names.count(name) > 1:
            raise FathomError(
                f"a probe's series is called {name!r} (all: {', '.join(names)}); give each "
                "probe a name of its own, of letters, digits and underscores."
            )
    return chosen


def _feed(probe: Outputs, inputs: Any, *, fit: bool) -> None:
    if not fit:
        raise FathomError(
            "probes.Outputs() does not know what to call the model with; write Outputs(inputs), or "
            "give the Recorder batch=(inputs, target)."
        )
    probe.feed(inputs)


def strangers(model: nn.Module, optimizers: Sequence[Optimizer]) -> list[str]:
    """The kinds of those optimizers that hold none of the model's parameters."""
    own = {id(parameter) for parameter in model.parameters()}
    return [
        type(optimizer).__name__
        for optimizer in optimizers
        if not any(id(p) in own for group in optimizer.param_groups for p in group["params"])
    ]


def checked_reaction(on_nonfinite: str) -> bool:
    """Is training to be stopped?"""
    if on_nonfinite not in ("record", "raise"):
        raise ValueError(f'on_nonfinite={on_nonfinite!r}: it is "record" or "raise"')
    return on_nonfinite == "raise"
