"""Which layer's output goes straight into which."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.settings import facts

LINEAR = (  # modules without weights to learn a function by, and without a function of their own
    *("Dropout", "Dropout1d", "Dropout2d", "Identity", "Flatten", "Unflatten"),
    *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool2d"),
)


@remembered
def wiring(run: Run) -> Mapping[str, str] | None:
    """Of each layer the one that it gets its first input from; None where it was not recorded."""
    told = facts(run, "wiring")
    return {layer: str(giver) for layer, giver in told[0][1].items()} if told else None


@remembered
def sources(run: Run) -> Mapping[str, str] | None:
    """As `wiring`, but seen through layers that drop, scale, average or reshape."""
    wires = wiring(run)
    if wires is None:
        return None
    types = {t.module: t.module_type for t in run.tensors.values()}
    return {layer: _source(giver, wires, types) for layer, giver in wires.items()}


def _source(giver: str, wires: Mapping[str, str], types: Mapping[str, str]) -> str:
    seen: set[str] = set()
    while types.get(giver) in LINEAR and giver in wires and giver not in seen:
        seen.add(giver)
        giver = wires[giver]
    return giver
