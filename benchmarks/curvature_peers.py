"""Drives the tools that take curvature, counting their products with the Hessian."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.nn import functional
from trained import CPU, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

PEERS = {  # what is imported, and how that is installed
    "pyhessian": "pip install pyhessian==0.1",
    "curvlinops": "pip install --no-deps curvlinops-for-pytorch==3.0.1 linear_operator einconv "
    "einops backpack-for-pytorch unfoldNd jaxtyping",
}


@dataclass(frozen=True)
class Row:
    """One way of one quantity."""

    name: str
    seconds: float
    products: int
    note: str


@dataclass(frozen=True)
class Task:
    """What is asked of a tool, and Fathom's answers to compare its own with."""

    model: nn.Module
    data: tuple[Tensor, Tensor]
    exact: NDArray[np.float64]  # leading eigenvalues
    most: int  # products for the trace, and for each eigenvalue where they come one by one
    draws: int  # of the trace, as many as Fathom's own took
    density: tuple[int, int]  # probes and steps of each


class Counted:
    """An operator that counts."""

    def __init__(self, apply: Callable[..., Any]) -> None:
        self.apply, self.spent = apply, 0

    def __call__(self, *arguments: Any) -> Any:
        self.spent += 1
        return self.apply(*arguments)


def row(name: str, counted: Counted, work: Callable[[], str]) -> Row:
    notes: list[str] = []
    took = timed(lambda: notes.append(work()))[CPU]
    return Row(name, took, counted.spent, notes[0])


def largest(product: Callable[[Any], Any], size: int, count: int) -> NDArray[np.float64]:
    """By ARPACK, which stops by its own estimate: asked for more, it is as right as Fathom."""
    operator = LinearOperator((size, size), matvec=product, dtype=float)
    found: NDArray[np.float64] = eigsh(operator, count, which="LA", tol=1e-5)[0]
    return found


def off(values: Any, exact: Any) -> str:
    gaps = np.abs(np.sort(np.asarray(values, float))[::-1][: len(exact)] - exact)
    return f"off by {(gaps / np.abs(exact)).max():.1e} at most"


def peers(task: Task) -> Iterator[Row]:
    """A row for all that each can do; what fails says so in its own words."""
    for package, rows in (("pyhessian", _pyhessian), ("curvlinops", _curvlinops)):
        if importlib.util.find_spec(package):
            yield from rows(task)
        else:
            yield Row(package, np.nan, 0, f"is not there ({PEERS[package]})")


def _pyhessian(task: Task) -> Iterator[Row]:
    from pyhessian import hessian

    def fresh() -> Any:
        task.model.zero_grad()  # of the last one, which would be added to
        return hessian(task.model, functional.cross_entropy, data=task.data, cuda=False)

    def leading(peer: Any) -> str:
        found = peer.eigenvalues(maxIter=task.most, tol=1e-6, top_n=len(task.exact))[0]
        return f"{off(found, task.exact)}; {task.most} products at most for each"

    def trace(peer: Any) -> str:
        return f"{_mean(peer.trace(maxIter=task.most))}, which it does not tell"

    def as_many(peer: Any) -> str:
        return _mean(peer.trace(maxIter=task.draws, tol=-1))

    def density(peer: Any) -> str:
        peer.density(iter=task.density[1], n_v=task.density[0])
        return "{} x {}".format(*task.density)

    def published(peer: Any) -> str:
        peer.density(iter=2, n_v=1)
        return "1 x 2"

    works = {"leading": leading, "trace": trace, "trace, as many draws": as_many}
    for name, work in (works | {"density": published}).items():
        yield _counted(f"pyhessian {name}", work, fresh)
    with patch.object(torch, "eig", _eig, create=True):
        yield _counted("pyhessian density, mended", density, fresh)


def _mean(draws: list[float]) -> str:
    error = np.std(draws, ddof=1) / np.sqrt(len(draws)) if len(draws) > 1 else np.nan
    return f"{np.mean(draws):.5g} ± {error:.2g}"


def _eig(matrix: Tensor, **_: bool) -> tuple[Tensor, Tensor]:
    """What torch had until 1.13, for a symmetric matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return values[:, None], vectors


def _counted(name: str, work: Callable[[Any], str], fresh: Callable[[], Any]) -> Row:
    """It keeps the graph of the gradient: making that is in the time, and no product."""
    module = sys.modules["pyhessian.hessian"]
    counted = Counted(module.hessian_vector_product)
    with patch.object(module, "hessian_vector_product", counted):
        return _tried(name, counted, lambda: work(fresh()))


def _tried(name: str, counted: Counted, work: Callable[[], str]) -> Row:
    try:
        return row(name, counted, work)
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:100]
        return Row(name, np.nan, counted.spent, f"fails: {why}")


def _curvlinops(task: Task) -> Iterator[Row]:
    from curvlinops import HessianLinearOperator

    parameters = [p for p in task.model.parameters() if p.requires_grad]
    size = sum(p.numel() for p in parameters)
    peer = HessianLinearOperator(
        task.model,
        nn.CrossEntropyLoss(),
        parameters,
        [task.data],
        num_data=len(task.data[0]),
        check_deterministic=False,
    ).to_scipy()
    counted = Counted(peer.matvec)

    def leading() -> str:
        return off(largest(counted, size, len(task.exact)), task.exact)

    yield _tried("curvlinops + eigsh", counted, leading)
