"""Linear layers that go straight into linear layers: together they are one."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.wiring import sources
from probes.recording import TensorInfo

TYPES = ("Linear", "Conv1d", "Conv2d", "Conv3d")


@dataclass(frozen=True)
class Linearity:
    """Pairs with nothing between that bends."""

    bare: tuple[tuple[str, str], ...]  # giver and taker
    share: float  # of all linear layers that could be fed so


@remembered
def linearity(run: Run) -> Linearity | None:
    """None where it was not recorded which layer feeds which."""
    wires = sources(run)
    if wires is None:
        return None
    linear = {
        t.module: t
        for t in run.parameters.values()
        if t.module_type in TYPES and t.role == "matrix"
    }
    fed = [(wires[name], name) for name in linear if wires.get(name) in linear]
    bare = tuple(pair for pair in fed if not _is_factorised(linear[pair[0]], linear[pair[1]]))
    return Linearity(bare, len(bare) / max(1, len(linear) - 1))


def _is_factorised(first: TensorInfo, second: TensorInfo) -> bool:
    """A bottleneck, or a convolution by groups: both are meant."""
    units, inputs = _sides(first)
    outputs, width = _sides(second)
    return units < min(inputs, outputs) or width != units


def _sides(tensor: TensorInfo) -> tuple[int, int]:
    rows, columns = tensor.shape.split("x")[:2]
    return int(rows), int(columns)
