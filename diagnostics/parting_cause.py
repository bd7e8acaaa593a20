"""What two runs' first difference says of why they part."""

from __future__ import annotations

from diagnostics.parting import ROUNDING, Difference, Parting
from diagnostics.trails import Kind

RANDOM = ("drop", "rrelu")  # in the name or type of a layer that draws random numbers
_UNSEEN = (
    "What came first lies between two looks at the tensors; record both with every=1 around these "
    "steps to see it."
)
_OF_OPTIMIZER = (
    "Same gradients, and another update: compare the optimizer's kind and settings (learning "
    "rate, momentum, weight decay)."
)
_BEFORE_TRAINING = (
    "They differ before the first step that both recorded: another seed or initialisation, or "
    "other held-out data."
)
_BY_KIND: dict[Kind, str] = {
    "inputs": "They were given other batches: compare seed, order and transforms of the data.",
    "loss": "Same outputs, as far as they were seen, and another loss: compare the targets and the "
    "loss function.",
    "activation_gradients": "Same outputs, and other gradients: compare the targets, the loss "
    "function and its scale.",
    "gradients": "Same outputs, and other gradients: compare the loss, how gradients are "
    "accumulated and clipped, and whether kernels are deterministic.",
    "optimizer_state": _OF_OPTIMIZER,
    "updates": _OF_OPTIMIZER,
    "weights": "Same gradients, and other weights after the step: compare learning rate, weight "
    "decay and momentum, or see whether something else writes to the weights.",
    "validation": "Same training, and another validation: compare the held-out data and how it is "
    "evaluated.",
}


def cause(found: Parting) -> str:
    """One or two sentences; what is not known is not said."""
    first = found.first
    if first is None:
        return ""
    looked = first.kind in ("inputs", "validation") or first.step in found.steps
    told = _told(first) if looked else _UNSEEN
    if any(found.only) and first.since < 0:
        told = "They are not the same model: some tensors are of one run alone, or of other shape."
    return " ".join(part for part in (told, _size(first)) if part)


def _told(first: Difference) -> str:
    """By what a step makes first: all that comes before it in the same step was the same."""
    if first.kind == "validation" and first.since < 0:
        return _BEFORE_TRAINING
    return _of_outputs(first) if first.kind == "activations" else _BY_KIND[first.kind]


def _of_outputs(first: Difference) -> str:
    if any(word in f"{first.name} {first.module_type}".lower() for word in RANDOM):
        return "This layer draws random numbers: compare its rate, and the state of the generator."
    if "activations" not in first.same and first.since < 0:
        if "inputs" in first.same:
            return "The same batch, and other outputs from the start: another initialisation."
        return (
            "They differ from the first step that both recorded: another seed or initialisation, "
            "or other data."
        )
    if 0 <= first.since < first.step - 1:
        return _UNSEEN
    return (
        "All that was seen before this layer's output was the same: its weights were changed "
        "between the two steps, it draws random numbers, or its input is other data."
    )


def _size(first: Difference) -> str:
    if first.distance > ROUNDING:
        return ""
    return (
        f"At first they differ by {first.distance:.1g} of the size, as rounding does: kernels that "
        "add in another order, another machine or another version can do that."
    )
