"""`fathom analyse connectivity`: what lies between two minima, straight and around."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboard.analyse.options import Add, add_weights, at_least, conditions, wish_of
from dashboard.analyse.progress import progress


def add_connectivity(add: Add) -> None:
    told = "what lies between two minima: on the straight line, and on a curve of low loss"
    connectivity = add(
        "connectivity", told, "fathom analyse connectivity runs/first runs/second --search 400"
    )
    add_weights(connectivity)
    connectivity.add_argument("other", type=Path, help="another run of the same model")
    connectivity.add_argument("--other-step", type=int, help="the snapshot's (default: the last)")
    connectivity.add_argument(
        "--search", type=at_least(1), default=200, help="steps to find the curve (default: 200)"
    )
    connectivity.add_argument(
        "--rate",
        type=at_least(1e-6),
        default=0.02,
        help="of the search, as a share of the weights' size (default: 0.02)",
    )
    connectivity.set_defaults(command=_connectivity)


def _connectivity(asked: argparse.Namespace) -> int:
    from diagnostics.active.connectivity import connectivity_key, connectivity_of
    from diagnostics.mode_connectivity import Search
    from diagnostics.run import Run

    with progress("steps of the search") as told:
        search = Search(asked.search, asked.rate, told)
        found = connectivity_of(
            Run(asked.run), wish_of(asked), asked.other, asked.other_step, search
        )
    print(conditions(found.about))
    print(f"to {found.other}, {found.distance:.4g} away")
    print(f"  the straight line rises by  {found.line_barrier:.4g}")
    print(f"  the curve found rises by    {found.curve_barrier:.4g}")
    print("connected by a curve of low loss" if found.connected else "no curve of low loss found")
    print(f"stored as {connectivity_key(found)}")
    return 0
