"""How the curvature changed while the run trained, beside what its optimizer can bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.curvature import Curvature
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError


@dataclass(frozen=True)
class CurvatureHistory(Shown):
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
    """What an optimizer bears: below it, it is stable."""

    learning_rate: Floats  # [t]
    edge: Floats  # [t]  NaN: not known
    rule: str  # "": of such an optimizer no edge is known
    adaptive: bool = False  # of the preconditioned Hessian: says nothing of the plain one


EDGE_SETTINGS = ("lr", "momentum", "dampening", "nesterov", "maximize", "beta1", "eps")


def edge_of(kind: str, settings: Mapping[str, Floats]) -> Edge:
    """Of torch's SGD, Adam and AdamW, by those of EDGE_SETTINGS that are recorded, over time.

    Where the factor of x in one step is -1 on a parabola; Cohen et al. (2021, 2022). Of any other
    kind there is no edge. Weight decay lowers it by lr·weight_decay / 2 of it, which is left out.
    """
    found = None
    if not np.any(settings.get("maximize", 0.0)):
        others = settings.keys() & {"beta1", "eps"}  # a run may have gone on with another kind
        if kind == "SGD" and not others:
            found = _descent(settings)
        elif kind in ("Adam", "AdamW") and "momentum" not in settings:
            found = _adam(settings)
    return found or Edge(settings["lr"], np.full_like(settings["lr"], np.nan), "")


def _descent(settings: Mapping[str, Floats]) -> Edge | None:
    """Of the Hessian itself."""
    rate = settings["lr"]
    momentum, dampening, nesterov = (
        settings.get(name, np.zeros_like(rate)) for name in ("momentum", "dampening", "nesterov")
    )
    if not momentum.any():  # then torch heeds neither of the others
        return Edge(rate, _over(2, rate), "2 / lr")
    if "dampening" not in settings:  # recorded by an older Fathom: nesterov may be on
        return None
    damped = np.where(momentum > 0, dampening, 0)
    divisor = np.where(nesterov > 0, 1 + 2 * momentum, 1 - damped)
    known = (momentum >= 0) & (momentum < 1) & (damped < 1) & ((nesterov == 0) | (damped == 0))
    edge = np.where(known, _over(2 + 2 * momentum, divisor * rate), np.nan)
    rule = "(2 + 2·momentum) / lr"
    if nesterov.any():
        rule = "(2 + 2·momentum) / ((1 + 2·momentum)·lr)"
    elif damped.any():
        rule = "(2 + 2·momentum) / ((1 - dampening)·lr)"
    return Edge(rate, edge, rule)


def _adam(settings: Mapping[str, Floats]) -> Edge | None:
    """Of the preconditioned Hessian: 38 / lr at β₁ = 0.9."""
    if "beta1" not in settings:
        return None
    rate, beta = settings["lr"], settings["beta1"]
    edge = _over(2 + 2 * beta, (1 - beta) * rate)
    return Edge(rate, edge, "(2 + 2·β₁) / ((1 - β₁)·lr)", adaptive=True)


def _over(number: Floats | float, divisor: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # a warm-up may begin at a rate of 0
        found: Floats = np.divide(number, divisor)
    return found


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
