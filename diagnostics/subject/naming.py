"""The parts of a flat vector by the names of its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from diagnostics.subject.losses import Tensors
from diagnostics.weight_space import Piece

Dtypes = Mapping[str, torch.dtype]


def named(point: Tensor, pieces: Sequence[Piece], dtypes: Dtypes) -> Tensors:
    """Views of a point, each in its tensor's own precision."""
    return {p.name: p.of(point).to(dtypes[p.name]) for p in pieces}


class LastNamed:
    """The same of one point again and again: made once, until somebody writes to it."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, int, Dtypes, Tensors] | None = None

    def __call__(self, point: Tensor, pieces: Sequence[Piece], dtypes: Dtypes) -> Tensors:
        if point.is_inference():  # nobody counts what is written to it
            return named(point, pieces, dtypes)
        if self._last is not None:
            known, version, of, found = self._last
            if known is point and version == point._version and of is dtypes:
                return found
        found = named(point, pieces, dtypes)
        self._last = (point, point._version, dtypes, found)
        return found
