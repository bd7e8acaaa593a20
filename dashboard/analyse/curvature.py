"""`fathom analyse curvature`: the Hessian at a snapshot, or at every one of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add, add_weights, at_least, conditions, wish_of
from dashboard.analyse.progress import progress
from diagnostics.run import FathomError

if TYPE_CHECKING:
    from diagnostics.curvature import Curvature
    from diagnostics.curvature_history import CurvatureHistory


def add_curvature(add: Add) -> None:
    told = "the Hessian at a snapshot: eigenvalues, trace, density, each with its error"
    curvature = add("curvature", told, "fathom analyse curvature runs/digits --most 400")
    add_weights(curvature)
    curvature.add_argument(
        "--count", type=at_least(1), default=5, help="leading eigenvalues (default: 5)"
    )
    curvature.add_argument(
        "--most", type=int, default=800, help="products with the Hessian allowed (default: 800)"
    )
    curvature.add_argument(
        "--by-layer",
        type=at_least(0),
        default=0,
        help="products for each layer's own block (default: 0)",
    )
    curvature.add_argument(
        "--all", action="store_true", help="at every snapshot, and how it changed over them"
    )
    curvature.set_defaults(command=_curvature)


def _curvature(asked: argparse.Namespace) -> int:
    from diagnostics.active.curvature import curvature_of, curvatures_of
    from diagnostics.curvature import Effort
    from diagnostics.run import Run

    if asked.all and asked.step is not None:
        raise FathomError(f"either --all snapshots or that of --step {asked.step}; leave out one.")
    run, wish = Run(asked.run), wish_of(asked)
    effort = Effort(asked.count, asked.most, by_layer=asked.by_layer)
    with progress("products") as told:
        if asked.all:
            history = curvatures_of(run, wish, effort, told)
        else:
            found = curvature_of(run, wish, effort, told)
    if asked.all:
        _tell_history(history)
    else:
        _tell(found)
    return 0


def _tell_history(history: CurvatureHistory) -> None:
    print(f"{'step':>10}{'largest':>12}{'edge':>12}{'trace':>12}   ({history.edge_rule})")
    rows = zip(history.steps, history.eigenvalues[:, 0], history.edge, history.trace, strict=True)
    for step, top, edge, trace in rows:
        print(f"{step:>10}{top:>12.4g}{edge:>12.4g}{trace:>12.4g}")


def _tell(found: Curvature) -> None:
    print(conditions(found.about))
    for value, residual in zip(found.eigenvalues, found.residuals, strict=True):
        print(f"  eigenvalue        {value:.5g} ± {residual:.1g}")
    print(f"  lowest            {found.lowest:.5g} ± {found.lowest_residual:.1g}")
    stopped = "" if found.trace_converged else " (stopped by the number of products)"
    print(f"  trace             {found.trace:.5g} ± {found.trace_error:.1g}{stopped}")
    print(f"  negative mass     {found.negative_mass:.3g} ± {found.negative_mass_error:.1g}")
    print(f"  largest stable rate of gradient descent {found.edge:.4g}")
