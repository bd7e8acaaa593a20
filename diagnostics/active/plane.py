"""A function of two numbers, drawn over the plane of its data and a little beyond them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.line import BEYOND, Data
from diagnostics.mc_dropout import McDropout
from diagnostics.weight_space import Floats
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject

ACROSS = 33  # places along either side
PAIR = 2


@dataclass(frozen=True)
class Plane:
    """An ensemble at every crossing of a grid, and what is known on the plane."""

    across: Floats  # [column]  places of the first input
    up: Floats  # [row]  places of the second
    ensemble: McDropout  # row by row, from the lowest second input up
    known: Floats  # [point, 2]  the data's inputs
    targets: Floats  # [point, output]  classes or values; NaN where the data have none
    whose: str  # the data are


def on_a_plane(data: Data) -> bool:
    """Two numbers go in, and neither is the same everywhere."""
    inputs = data.inputs
    pairs = inputs.dtype.kind == "f" and inputs.shape[1:] == (PAIR,) and len(inputs) > 1
    return pairs and bool((np.ptp(inputs, axis=0) > 0).all())


def over(subject: Subject, data: Data, draw: Callable[[Subject], McDropout]) -> Plane | None:
    """None where the program takes no other batch."""
    across, up = (_places(data.inputs[:, side]) for side in range(PAIR))
    try:
        there = subject.on(*_batch(subject, data, across, up))
    except FathomError:
        return None
    # its targets are made up, and what is wrong with the draws is told of the data's own
    found = replace(
        draw(there), targets=None, likelihood=None, plain_log_likelihood=np.nan, findings=()
    )
    count = len(data.inputs)
    targets = np.full((count, 1), np.nan)
    if data.targets is not None:
        targets = data.targets.astype(np.float64).reshape(count, -1)
    return Plane(across, up, found, data.inputs.astype(np.float64), targets, data.whose)


def _places(known: NDArray[Any]) -> Floats:
    low, high = float(known.min()), float(known.max())
    more = BEYOND * (high - low)
    return np.linspace(low - more, high + more, ACROSS)


def _batch(subject: Subject, data: Data, across: Floats, up: Floats) -> tuple[Any, str]:
    """As the recorded one: its targets do not touch the predictions, but have to fit the loss."""
    places = np.stack(np.meshgrid(across, up), -1).reshape(-1, PAIR)
    inputs = subject.vector(places)
    told = f"a grid of {len(across)} by {len(up)} places"
    if data.targets is None:
        return inputs, told
    targets = subject.vector(np.zeros((len(places), *data.targets.shape[1:])))
    return (inputs, targets if data.targets.dtype.kind == "f" else targets.long()), told
