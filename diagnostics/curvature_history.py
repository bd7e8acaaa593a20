"""How the curvature changed while the run trained, beside what its optimizer can bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.curvature import Curvature
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError


@dataclass(frozen=True)
class CurvatureHistory:
    """The curvature at some snapshots of a run."""

    about: About  # of the last one
    steps: NDArray[np.int64]  # [t]
    loss: Floats  # [t]
    eigenvalues: Floats  # [t, k]
    residuals: Floats  # [t, k]
    lowest: Floats  # [t]
    lowest_residual: Floats  # [t]
    complete: NDArray[np.bool_]  # [t]
    trace: Floats  # [t]
    trace_error: Floats  # [t]
    gradient_norm: Floats  # [t]
    gradient_share: Floats  # [t, k]
    negative_mass: Floats  # [t]
    learning_rate: Floats  # [t]  NaN: not recorded
    edge: Floats  # [t]  sharpness from which on this optimizer oscillates; NaN: not known, or
    #               of a preconditioned Hessian that is not
    edge_rule: str  # its formula; "": not known
    preconditioned: Floats  # [t]  where it was asked, this is what the edge is for; else NaN
    preconditioned_residual: Floats  # [t]
    preconditioner: str  # in words; "": the edge is for the largest eigenvalue itself
    products: NDArray[np.int64]  # [t]


@dataclass(frozen=True)
class Edge:
    """What an optimizer bears: gradient descent with momentum is stable below it."""

    learning_rate: Floats  # [t]
    edge: Floats  # [t]
    rule: str
    adaptive: bool = False  # of the preconditioned Hessian: says nothing of the plain one


def edge_of(settings: Mapping[str, Floats]) -> Edge:
    """Of its settings over time: lr, and momentum or beta1 where it has them.

    Cohen et al. (2021, 2022): 2 / lr for plain descent, (2 + 2·momentum) / lr with momentum, and
    for Adam (2 + 2·β₁) / ((1 - β₁)·lr), 38 / lr at β₁ = 0.9, on the preconditioned Hessian.
    """
    rate = settings["lr"]
    with np.errstate(divide="ignore"):
        if "beta1" in settings:
            beta = settings["beta1"]
            rule = "(2 + 2·β₁) / ((1 - β₁)·lr)"
            return Edge(rate, (2 + 2 * beta) / ((1 - beta) * rate), rule, adaptive=True)
        if np.any(settings.get("momentum", 0.0)):
            return Edge(rate, (2 + 2 * settings["momentum"]) / rate, "(2 + 2·momentum) / lr")
        return Edge(rate, 2 / rate, "2 / lr")


def curvature_history(found: Iterable[Curvature], edge: Edge | None = None) -> CurvatureHistory:
    """Of curvatures in the order of their steps; `edge` has a value for each."""
    each = list(found)
    if not each:
        raise FathomError("no curvature was computed; give that of one snapshot at least.")
    width = min(len(one.eigenvalues) for one in each)
    nothing = np.full(len(each), np.nan)
    edge = edge or Edge(nothing, nothing, "")
    compared = [not edge.adaptive or np.isfinite(one.preconditioned) for one in each]

    def column(name: str) -> Floats:
        return np.array([getattr(one, name) for one in each], np.float64)

    def rows(name: str) -> Floats:
        return np.array([getattr(one, name)[:width] for one in each], np.float64)

    singles = (
        *("loss", "lowest", "lowest_residual", "trace", "trace_error", "gradient_norm"),
        *("negative_mass", "preconditioned", "preconditioned_residual"),
    )
    several = ("eigenvalues", "residuals", "gradient_share")
    return CurvatureHistory(
        about=each[-1].about,
        steps=np.array([one.about.step for one in each], np.int64),
        complete=np.array([one.complete for one in each]),
        learning_rate=edge.learning_rate,
        edge=np.where(compared, edge.edge, np.nan),
        edge_rule=edge.rule,
        preconditioner=each[-1].preconditioner,
        products=np.array([one.products for one in each], np.int64),
        **{name: column(name) for name in singles},
        **{name: rows(name) for name in several},
    )
