"""Evaluates tiles in processes of one thread each, or wherever joblib has been told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tile = NDArray[np.int64]
Evaluate = Callable[[Tile], NDArray[np.float64]]


def in_workers(
    evaluate: Evaluate, tiles: Sequence[Tile], workers: int
) -> Iterator[tuple[Tile, NDArray[np.float64]]]:
    """Each tile with its values, as they come.

    `workers` processes of this machine; one is this process itself, and 0 leaves the choice to the
    caller's `joblib.parallel_config`: a Dask cluster, say. Two threads in one process are slower
    than one as soon as somebody else computes, so every worker has one.
    """
    if workers == 1 or not tiles:
        return ((tile, evaluate(tile)) for tile in tiles)
    from joblib import Parallel, delayed

    with _config(workers):
        found: Any = Parallel(return_as="generator_unordered")(
            delayed(_with_values)(evaluate, tile) for tile in tiles
        )
    return iter(found)


def _config(workers: int) -> AbstractContextManager[Any]:
    from joblib import parallel_config

    if not workers:
        return nullcontext()
    context: AbstractContextManager[Any] = parallel_config(
        backend="loky", n_jobs=workers, inner_max_num_threads=1
    )
    return context


def _with_values(evaluate: Evaluate, tile: Tile) -> tuple[Tile, NDArray[np.float64]]:
    return tile, evaluate(tile)
