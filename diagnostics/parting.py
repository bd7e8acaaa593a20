"""Where two runs part: the first step at which anything they both recorded differs, by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.comparison import distinct_names
from diagnostics.run import FathomError, Run
from diagnostics.trails import KINDS, Kind, Trail, common_tensors, trails

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RTOL = 1e-3  # of a tensor's size: a single step of rounding is far below, another seed far above
ROUNDING = 1e-5  # what kernels that add in another order make of a float32 in one step


@dataclass(frozen=True)
class Difference:
    """What differs first, and since when it may have."""

    step: int
    since: int  # the last step before at which everything seen was the same; -1: there is none
    kind: Kind
    name: str  # of a tensor or a scalar
    layer: str  # its module; "" for what belongs to none
    module_type: str
    same: tuple[Kind, ...]  # kinds compared in this step before it, and found the same
    distance: float  # in proportion to its size; infinity where one of them is no number


@dataclass(frozen=True)
class Parting:
    """What two runs have in common, and from where on they do not."""

    runs: tuple[str, str]
    rtol: float
    steps: Integers  # [t]  at which both recorded
    growth: Floats  # [t]  the largest distance of all; NaN where nothing can be compared
    layers: tuple[str, ...]  # that both have, in forward order
    distance: Floats  # [t, layer]  the largest of a layer's tensors
    first: Difference | None  # not the same bit for bit
    first_tensor: Difference | None  # the same of tensors alone: losses are logged more often
    first_far: Difference | None  # farther apart than rtol
    apart: Integers  # [layer]  first step at which it differs at all; -1: never
    far: Integers  # [layer]  and by more than rtol
    compared: int  # tensors
    only: tuple[tuple[str, ...], tuple[str, ...]]  # tensors that one alone has, or of other shape

    @property
    def is_identical(self) -> bool:
        """As far as the recorded numbers tell."""
        return self.first is None


def parting(a: Run, b: Run, rtol: float = RTOL) -> Parting:
    """Compare what both recorded at the steps that both recorded."""
    found = trails(a, b)
    if not found:
        raise FathomError(_nothing_shared(a, b))
    tensors = [trail for trail in found if any(trail.layers)]
    steps = np.unique(np.concatenate([trail.steps for trail in tensors or found]))
    layers = _layers(a, tensors)
    distance = _by_layer(tensors, steps, layers)
    common, names = common_tensors(a, b), distinct_names((a, b))
    return Parting(
        runs=(names[0], names[1]),
        rtol=rtol,
        steps=steps,
        growth=_largest(tensors or found, steps),
        layers=tuple(layer or "(model)" for layer in layers),
        distance=distance,
        first=_first(a, found, found, 0.0),
        first_tensor=_first(a, found, tensors, 0.0),
        first_far=_first(a, found, found, rtol),
        apart=_beginnings(steps, distance, 0.0),
        far=_beginnings(steps, distance, rtol),
        compared=len({name for trail in tensors for name in trail.names}),
        only=(_others(a, common), _others(b, common)),
    )


def _nothing_shared(a: Run, b: Run) -> str:
    common = common_tensors(a, b)
    if common and set(a.series) & set(b.series):
        return (
            f"'{a.name}' and '{b.name}' recorded no step that both did, or not the same elements; "
            "record both with the same every=, or log the loss at each step."
        )
    return (
        f"'{a.name}' and '{b.name}' have nothing in common to compare: "
        f"{len(common)} tensors of the same name and shape; series {_listed(a.series)} and "
        f"{_listed(b.series)}."
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _others(run: Run, common: Sequence[object]) -> tuple[str, ...]:
    """Parameters and outputs that the other has not; an optimizer's states follow its kind."""
    shared = {getattr(tensor, "name", "") for tensor in common}
    return tuple(n for n, t in run.tensors.items() if n not in shared and t.role != "state")


def _layers(run: Run, found: Sequence[Trail]) -> list[str]:
    """In forward order."""
    there = {layer for trail in found for layer in trail.layers}
    return [m for m in dict.fromkeys(t.module for t in run.tensors.values()) if m in there]


def _by_layer(found: Sequence[Trail], steps: Integers, layers: list[str]) -> Floats:
    place = {layer: n for n, layer in enumerate(layers)}
    distance = np.full((len(steps), len(layers)), np.nan)
    for trail in found:
        rows = np.searchsorted(steps, trail.steps)
        for n, layer in enumerate(trail.layers):
            column = place[layer]
            distance[rows, column] = np.fmax(distance[rows, column], trail.distance[:, n])
    return distance


def _largest(found: Sequence[Trail], steps: Integers) -> Floats:
    growth = np.full(len(steps), np.nan)
    for trail in found:
        rows = np.searchsorted(steps, trail.steps)
        growth[rows] = np.fmax(growth[rows], np.fmax.reduce(trail.distance, axis=1))
    return growth


def _beginnings(steps: Integers, distance: Floats, beyond: float) -> Integers:
    """For each layer the first step at which it is farther apart than this."""
    over = distance > beyond
    return np.where(over.any(axis=0), steps[over.argmax(axis=0)] if len(steps) else -1, -1)


def _first(
    run: Run, found: Sequence[Trail], among: Sequence[Trail], beyond: float
) -> Difference | None:
    """The earliest step; in it, what a step makes first."""
    starts = list(_starts(among, beyond))
    if not starts:
        return None
    step, rank, place, trail, row = min(starts, key=lambda start: start[:3])
    name = trail.names[place]
    return Difference(
        step=step,
        since=_last_before(among, step),
        kind=trail.kind,
        name=name,
        layer=trail.layers[place],
        module_type=run.tensors[name].module_type if name in run.tensors else "",
        same=_same_before(found, step, (rank, place)),
        distance=float(trail.distance[row, place]),
    )


def _same_before(found: Sequence[Trail], step: int, until: tuple[int, int]) -> tuple[Kind, ...]:
    """What the same step made before, as far as it was compared."""
    kinds: dict[Kind, None] = {}
    for trail in found:
        rank = KINDS.index(trail.kind)
        earlier = until[1] if rank == until[0] else len(trail.names)
        here = trail.distance[trail.steps == step, :earlier]
        if rank <= until[0] and not np.isnan(here).all():
            kinds[trail.kind] = None
    return tuple(kinds)


def _starts(found: Sequence[Trail], beyond: float) -> Iterator[tuple[int, int, int, Trail, int]]:
    """Of each kind the first step with a difference, and in it the first name."""
    for trail in found:
        over = trail.distance > beyond
        rows = np.flatnonzero(over.any(axis=1))
        if len(rows):
            place = int(over[rows[0]].argmax())
            yield int(trail.steps[rows[0]]), KINDS.index(trail.kind), place, trail, int(rows[0])


def _last_before(found: Sequence[Trail], step: int) -> int:
    """The last step at which something was compared; -1 where there is none."""
    known = [
        trail.steps[(trail.steps < step) & ~np.isnan(trail.distance).all(axis=1)] for trail in found
    ]
    return max((int(steps[-1]) for steps in known if len(steps)), default=-1)
