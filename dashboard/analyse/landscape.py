"""`fathom analyse landscape`: the loss over a plane, or along a line, around a snapshot."""

from __future__ import annotations

import argparse
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add, add_held_out, add_weights, at_least, conditions, wish_of
from dashboard.analyse.progress import progress
from diagnostics.run import FathomError

if TYPE_CHECKING:
    from diagnostics.active.landscape import Cut
    from diagnostics.loss_landscape import Landscape


def add_landscape(add: Add) -> None:
    told = "the loss over a plane of weights around a snapshot; goes on after a kill"
    landscape = add("landscape", told, "fathom analyse landscape runs/digits --workers 2")
    add_weights(landscape)
    _add_directions(landscape)
    _add_grid(landscape)
    landscape.set_defaults(command=_landscape)


def _add_directions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--along",
        choices=("random", "trajectory", "eigenvectors"),
        help="the directions (default: random, filter-normalised)",
    )
    parser.add_argument(
        "--towards", type=int, metavar="STEP", help="the first goes to another snapshot instead"
    )
    parser.add_argument(
        "--towards-run",
        type=Path,
        metavar="RUN",
        help="of this run, to its last snapshot unless --towards says which",
    )
    parser.add_argument("--line", action="store_true", help="along the first direction alone")
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of random directions (default: 0)"
    )
    parser.add_argument(
        "--reach",
        type=float,
        help="to both sides, in lengths of the directions (default: as the directions ask for)",
    )


def _add_grid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resolution", type=int, default=51, help="nodes an axis (default: 51)")
    parser.add_argument(
        "--tolerance",
        type=at_least(0.0),
        default=0.01,
        help="largest error as a share of the range; 0 evaluates every node (default: 0.01)",
    )
    parser.add_argument("--scale", choices=("log", "linear"), default="log")
    add_held_out(parser, "also on")
    parser.add_argument(
        "--by-class", action="store_true", help="also the loss of each class of the targets"
    )
    parser.add_argument("--workers", type=at_least(1), default=1, help="processes (default: 1)")


def _landscape(asked: argparse.Namespace) -> int:
    from diagnostics.active.landscape import landscape_key, landscape_of
    from diagnostics.run import Run
    from diagnostics.tiles import Work

    cut = _cut_of(asked)
    with progress("points") as told:
        work = Work(workers=asked.workers, progress=told)
        found = landscape_of(Run(asked.run), wish_of(asked), cut, work)
    _tell(found, cut)
    print(f"stored as {landscape_key(found, cut)}")
    return 0


def _cut_of(asked: argparse.Namespace) -> Cut:
    from diagnostics.active.landscape import Cut
    from diagnostics.slices import Grid

    elsewhere = asked.towards is not None or asked.towards_run is not None
    if elsewhere and asked.along:
        raise FathomError(
            f"the first direction goes either along {asked.along} or towards other weights; leave "
            "out --along, or --towards and --towards-run."
        )
    return Cut(
        along="towards" if elsewhere else asked.along or "random",
        axes=1 if asked.line else 2,
        seed=asked.seed,
        target=asked.towards,
        other=asked.towards_run,
        reach=None if asked.reach is None else (-asked.reach, asked.reach),
        grid=Grid(
            resolution=asked.resolution,
            tolerance=asked.tolerance,
            scale=asked.scale,
            by_class=asked.by_class,
        ),
    )


def _tell(found: Landscape, cut: Cut) -> None:
    print(conditions(found.about))
    print(f"along {' and '.join(found.directions)}")
    print(f"{found.evaluated.sum()} of {found.loss.size} points evaluated", end="")
    print(f"; loss {found.centre_loss:.4g} at the centre, up to {found.loss.max():.4g}")
    if found.held_out_loss is not None:
        lowest, highest = found.held_out_loss.min(), found.held_out_loss.max()
        print(f"on {found.held_out}: from {lowest:.4g} to {highest:.4g}")
    if cut.grid.by_class and not found.classes:
        print("no losses by class: the targets are no classes, or not of 2 to 12")
    for figure in found.figures:
        told = "not told by this slice" if isnan(figure.value) else f"{figure.value:.4g}"
        print(f"  {figure.name:<18}{told}")
    if found.trajectory:
        shown, chance = found.trajectory.explained, found.trajectory.chance
        wandering = f" (aimless wandering: {chance:.1%})" if cut.along == "trajectory" else ""
        print(f"training's way: {shown:.1%} of it lies here{wandering}")
