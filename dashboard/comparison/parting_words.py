"""Where two runs part, in sentences: the same on the page and in the terminal."""

from __future__ import annotations

import math

from dashboard.wording import count
from diagnostics.parting import Difference, Parting
from diagnostics.parting_cause import cause
from diagnostics.trails import Kind

_OF: dict[Kind, str] = {
    "inputs": "the input ({name})",
    "activations": "the output of {name}",
    "loss": "the training loss ({name})",
    "activation_gradients": "the gradient of {name}'s output",
    "gradients": "{name}'s gradient",
    "optimizer_state": "the optimizer's state of {name}",
    "updates": "the update of {name}",
    "weights": "{name} itself, after the step",
    "validation": "the validation loss ({name})",
}


def headline(found: Parting) -> str:
    """When, and in what, they first differ."""
    looked = f"{count(found.compared, 'tensor')} at {count(len(found.steps), 'common step')}"
    if found.first is None:
        return f"Identical throughout, bit for bit as far as recorded: {looked}."
    return f"{_until(found.first)} {told(found.first)}."


def details(found: Parting) -> list[str]:
    """Why, since when by more than rounding, and what cannot be compared."""
    said = [cause(found)] if found.first else []
    first, tensor = found.first, found.first_tensor
    if first and tensor and (tensor.step, tensor.name) != (first.step, first.name):
        said.append(f"Of tensors {between(tensor)}: {told(tensor)}.")
    said += _beyond(found)
    return said + _unshared(found)


def _unshared(found: Parting) -> list[str]:
    """A name that both have without comparing it is of another shape."""
    reshaped = tuple(name for name in found.only[0] if name in found.only[1])
    said = [f"Of another shape: {_listed(reshaped)}."] if reshaped else []
    for run, only in zip(found.runs, found.only, strict=True):
        alone = tuple(name for name in only if name not in reshaped)
        said += [f"Of {run} alone: {_listed(alone)}."] if alone else []
    return said


def told(difference: Difference) -> str:
    """What differs, and by how much."""
    what = _OF[difference.kind].format(name=difference.name)
    if math.isinf(difference.distance):
        return f"{what}, where one of them is no number"
    return f"{what}, by {difference.distance:.2g} of its size"


def between(difference: Difference) -> str:
    """The step, and how exactly it is known."""
    if difference.since < 0:
        return f"from step {difference.step:,}, the first that both recorded"
    if difference.since == difference.step - 1:
        return f"at step {difference.step:,}"
    return f"between step {difference.since:,} and {difference.step:,}"


def _until(first: Difference) -> str:
    if first.since < 0:
        return f"They differ from step {first.step:,} on, the first that both recorded: first"
    exact = first.since == first.step - 1
    then = f"at step {first.step:,}" if exact else f"by step {first.step:,}, the next to compare,"
    return f"Identical until step {first.since:,}; {then} first"


def _beyond(found: Parting) -> list[str]:
    if found.first is None:
        return []
    if found.first_far is None:
        return [f"They never come apart by more than {found.rtol:g} of the size."]
    if found.first_far.step == found.first.step:
        return []
    return [
        f"Apart by more than {found.rtol:g} {between(found.first_far)}: {told(found.first_far)}."
    ]


def _listed(names: tuple[str, ...], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
