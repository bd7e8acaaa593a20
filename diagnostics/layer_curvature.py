"""The curvature layer by layer: of the same products as the whole, and of each block alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.lanczos import Eigenpairs, leading
from diagnostics.weight_space import Floats, Operator, Piece, Vector, WeightSpace


@dataclass(frozen=True)
class Layers:
    """The diagonal blocks of the Hessian, one for each module with weights of its own."""

    names: tuple[str, ...]  # [layer]
    weights: NDArray[np.int64]  # [layer]  number of them
    share: Floats  # [k, layer]  of each leading eigenvector's squared length
    trace: Floats  # [layer]
    trace_error: Floats  # [layer]  standard error
    eigenvalue: Floats  # [layer]  the block's largest; NaN: not asked
    residual: Floats  # [layer]  an eigenvalue of the block lies within this


def layers_of(space: WeightSpace) -> dict[str, tuple[Piece, ...]]:
    """The tensors of each module, in their order."""
    found: dict[str, tuple[Piece, ...]] = {}
    for piece in space.pieces:
        found[piece.layer] = (*found.get(piece.layer, ()), piece)
    return found


class LayerTraces:
    """Traces of the blocks from probes of the whole: each layer's part of probe times image."""

    def __init__(self, space: WeightSpace, known: Eigenpairs) -> None:
        """`known` are the eigenpairs taken out of the operator that is probed."""
        self._layers = layers_of(space)
        self._draws: list[list[float]] = []
        squares = [[_inner(v, v, parts) for parts in self._layers.values()] for v in known.vectors]
        self.share = np.array(squares)  # [k, layer]
        self._exact = known.values @ self.share

    def see(self, probe: Vector, image: Vector) -> None:
        self._draws.append([_inner(probe, image, parts) for parts in self._layers.values()])

    def estimates(self) -> tuple[Floats, Floats]:
        """Each layer's trace, and its standard error."""
        draws = np.array(self._draws)
        error = draws.std(0, ddof=1) / np.sqrt(len(draws))
        return self._exact + draws.mean(0), error


def layer_curvature(
    space: WeightSpace, apply: Operator, traces: LayerTraces, products: int
) -> Layers:
    """So many products for each layer's largest eigenvalue; with fewer than 3 it is not asked."""
    layers = layers_of(space)
    tops = [_largest(space, apply, parts, products) for parts in layers.values()]
    trace, error = traces.estimates()
    return Layers(
        names=tuple(layers),
        weights=np.array([sum(p.stop - p.start for p in parts) for parts in layers.values()]),
        share=traces.share,
        trace=trace,
        trace_error=error,
        eigenvalue=np.array([value for value, _ in tops]),
        residual=np.array([residual for _, residual in tops]),
    )


def _largest(
    space: WeightSpace, apply: Operator, parts: Sequence[Piece], products: int
) -> tuple[float, float]:
    if products < 3:
        return np.nan, np.nan
    found = leading(space, block(apply, parts), 1, most=products)
    return float(found.values[0]), float(found.residuals[0])


def block(apply: Operator, parts: Sequence[Piece]) -> Operator:
    """The operator on some tensors' weights alone, zero elsewhere."""

    def inside(vector: Vector) -> Vector:
        alone = vector * 0
        for piece in parts:
            piece.of(alone)[...] = piece.of(vector)
        return alone

    return lambda vector: inside(apply(inside(vector)))


def _inner(left: Vector, right: Vector, parts: Sequence[Piece]) -> float:
    cuts = [slice(piece.start, piece.stop) for piece in parts]
    return sum(float(left[cut] @ right[cut]) for cut in cuts)
