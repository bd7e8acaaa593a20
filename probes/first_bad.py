"""The report on the first thing in a training that was not finite, or that raised: for the record.

Everything in it can be said in JSON, save the arrays: the inputs, and the last recorded rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from probes.finiteness import Tally, bad_rows, countable, far_rows, tally
from probes.keeper import Kept
from probes.named_tensors import named_tensors
from probes.replay import Look, Origin, Replayed

Where = Literal["inputs", "weights", "forward", "backward", "loss", "exception", "unknown"]
Counts = dict[str, Any]

INPUTS = 4 * 2**20  # bytes of inputs that are written out
LAYERS, TENSORS, SPOKEN = 100, 50, 8  # as many are listed; as many are named in a sentence


@dataclass(frozen=True)
class Report:
    """Where it was first, in which pass and rows, and what all else was like then."""

    step: int
    where: Where
    summary: str  # one or two sentences
    kind: str = ""  # NaN, +inf, -inf; of an exception its class
    module: str | None = None  # "" is the model itself
    module_type: str = ""
    after: str | None = None  # not in a layer, but in code after this one …
    before: str | None = None  # … and before this one
    forward_pass: int | None = None  # of the step's, from 1
    passes: int | None = None
    input: str | None = None  # its place or keyword, where the rows are of one
    rows: tuple[int, ...] = ()  # of the batch
    dtype: str = ""
    autocast: str = ""
    counts: Counts = field(default_factory=dict)  # in the first bad tensor
    order: Sequence[Counts] = ()  # what every layer gave, in the order of the forward pass
    weights: Sequence[Counts] = ()  # those that are not finite
    gradients: Sequence[Counts] = ()
    skipped: int = 0  # steps in a row that a GradScaler has left out
    recorded: Sequence[int] = ()  # the steps of the rows in the arrays
    series: Mapping[str, Sequence[str]] = field(default_factory=dict)  # and their tensors
    note: str = ""  # what could not be found out, and why
    arrays: Mapping[str, tuple[Any, str]] = field(default_factory=dict)  # values, and their axes

    def to_json(self) -> str:
        """Without the arrays."""
        told = {name: value for name, value in vars(self).items() if name != "arrays"}
        return json.dumps(told, separators=(",", ":"), allow_nan=False)


def listed(tallies: Mapping[str, Tally]) -> list[Counts]:
    """Those that are not finite."""
    bad = [{"name": name, **counts(found)} for name, found in tallies.items() if found.bad]
    return bad[:TENSORS]


def counts(found: Tally) -> Counts:
    return asdict(found)


def order_of(played: Replayed, first: Look | None) -> list[Counts]:
    """What every layer gave, to a few beyond the first bad one."""
    leaves = played.leaves
    at = next((n for n, look in enumerate(played.looks) if look is first), len(played.looks))
    until = sum(look.is_leaf and not look.enters for look in played.looks[:at]) + 5
    shown = leaves[:until][-LAYERS:]
    return [{"module": look.module, "type": look.kind, **counts(look.tally)} for look in shown]


def batch_rows(kept: Kept, origin: Origin | None) -> tuple[str | None, tuple[int, ...], str]:
    """Which input and which of its rows are concerned, and that in a sentence."""
    tensors = _tensors(kept)
    for name, tensor in tensors:
        found = tally(tensor)
        if found.is_broken or (found.bad and origin is not None and origin.where == "inputs"):
            rows = bad_rows(tensor)
            text = f"{found.bad} of {found.count} elements of input {name}, in {_rows(rows)}."
            return name, tuple(rows), text
    concerned = _concerned(tensors, origin)
    said = f"Of the batch, {_rows(concerned)} {_is(concerned)} concerned. " if concerned else ""
    for name, tensor in tensors:
        far, largest, usual = far_rows(tensor)
        if far:
            text = f"{_rows(far).capitalize()} of input {name} {_hold(far)} values up to"
            text = f"{said}{text} {largest:.2g}, where {usual:.2g} is usual."
            return name, concerned or tuple(far), text
    return None, concerned, said.strip()


def _concerned(tensors: list[tuple[str, Tensor]], origin: Origin | None) -> tuple[int, ...]:
    """Rows of the first bad tensor, where its rows are the batch's and not all of them are bad."""
    size = next((len(tensor) for _, tensor in tensors if tensor.ndim), 0)
    if origin is None or origin.look.size != size:
        return ()
    return origin.look.rows if len(origin.look.rows) < size else ()


def _tensors(kept: Kept) -> list[tuple[str, Tensor]]:
    """By place or keyword, and by place within that."""
    return [
        pair
        for name, value in kept.named.items()
        for pair in named_tensors(name, value)
        if countable(pair[1])
    ]


def inputs_of(kept: Kept, rows: Sequence[int]) -> dict[str, tuple[Any, str]]:
    """The inputs as arrays; where they are too large, only the rows concerned."""
    left = INPUTS
    arrays: dict[str, tuple[Any, str]] = {}
    for name, tensor in [p for n, v in kept.named.items() for p in named_tensors(n, v)]:
        values, about = tensor.detach(), f"input {name} of forward pass {kept.number}"
        if not values.is_cpu or values.layout is not torch.strided:
            continue
        if _size(values) > left and rows and values.ndim and max(rows) < len(values):
            values, about = values[list(rows)], f"{about}, rows {list(rows)}"
        if _size(values) <= left and values.numel():
            left -= _size(values)
            arrays[f"black_box/input/{len(arrays)}"] = (values.clone(), about)
    return arrays


def _size(values: Tensor) -> int:
    return values.numel() * values.element_size()


def told(name: str | None, kind: str = "") -> str:
    """A module as a sentence names it."""
    shown = f"'{name}'" if name else "the model"
    return f"{shown} ({kind})" if kind else shown


def told_place(origin: Origin) -> str:
    """In which code between two layers."""
    owner = told(origin.module, origin.kind)
    after, before = origin.between or (None, None)
    if after and before:
        return f"between '{after}' and '{before}', in the code of {owner} itself"
    if after or before:
        return (
            f"{'after' if after else 'before'} '{after or before}', in the code of {owner} itself"
        )
    return f"in the code of {owner} itself"


def told_forward(origin: Origin) -> str:
    """The first part of a sentence on a forward pass."""
    kind = origin.look.tally.kind
    if origin.where == "inputs":
        return f"{told('', origin.kind)} was given {kind}"
    if origin.where == "weights":
        name, found = origin.weights[0]
        return (
            f"{found.kind} in '{name}' ({found.bad} of {found.count} elements) of "
            f"{told(origin.module, origin.kind)}, written there by an update or by other code: "
            "what comes of it is the first that is not finite"
        )
    if origin.between is None:
        layer = told(origin.module, origin.kind)
        if origin.masked:
            return f"{kind} first in the output of {layer}; {origin.masked} of its inputs were -inf"
        held = f", its parameters up to {origin.held:.2g}" if origin.held else ""
        sizes = f"its input was finite, up to {origin.given:.2g}{held}"
        return f"{kind} first in the output of {layer}; {sizes}"
    return f"{kind} first {told_place(origin)}; every layer before gave finite values"


def told_backward(origin: Origin) -> str:
    kind = origin.look.tally.kind
    if origin.between is None:
        return (
            f"{kind} first in the backward pass of {told(origin.module, origin.kind)}: its output "
            "gets a finite gradient and its input gets none; the forward pass is finite"
        )
    return (
        f"the gradient is {kind} first {told_place(origin)}; the forward pass is finite, so look "
        "for a root, a norm, a power or a division at zero"
    )


def _rows(rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:SPOKEN])) + (", …" if len(rows) > SPOKEN else "")
    return f"row{'s' if len(rows) > 1 else ''} {shown}"


def _hold(rows: Sequence[int]) -> str:
    return "hold" if len(rows) > 1 else "holds"


def _is(rows: Sequence[int]) -> str:
    return "are" if len(rows) > 1 else "is"
