"""`fathom analyse …`: computes of a run what it can compute, tells how far it is, stores it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from diagnostics.active import Wish
    from diagnostics.run import Run

Told: TypeAlias = Callable[[int, int], None]  # done, of how many
Number = TypeVar("Number", int, float)
Add: TypeAlias = Callable[[str, str, str], argparse.ArgumentParser]  # name, what it does, example


def add_analyses(add: Add) -> None:
    """A command for each."""
    told = "the loss over a plane of weights around a snapshot; goes on after a kill"
    landscape = add("landscape", told, "fathom analyse landscape runs/digits --workers 2")
    _add_weights(landscape)
    _add_cut(landscape)
    landscape.set_defaults(command=_landscape)
    told = "the Hessian at a snapshot: eigenvalues, trace, density, each with its error"
    curvature = add("curvature", told, "fathom analyse curvature runs/digits --most 400")
    _add_weights(curvature)
    curvature.add_argument(
        "--count", type=_at_least(1), default=5, help="leading eigenvalues (default: 5)"
    )
    curvature.add_argument(
        "--most", type=int, default=800, help="products with the Hessian allowed (default: 800)"
    )
    curvature.add_argument(
        "--by-layer",
        type=_at_least(0),
        default=0,
        help="products for each layer's own block (default: 0)",
    )
    curvature.add_argument(
        "--all", action="store_true", help="at every snapshot, and how it changed over them"
    )
    curvature.set_defaults(command=_curvature)


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path)
    parser.add_argument("--step", type=int, help="the snapshot's (default: the last)")
    parser.add_argument(
        "--statistics",
        choices=("running", "batch", "re-estimated"),
        default="running",
        help="what batch normalisation takes its mean from (default: running)",
    )
    parser.add_argument(
        "--subject",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives a Subject, or model, loss and batch, where the run has recorded no program",
    )
    parser.add_argument("--device", default="cpu", help="such as cuda (default: cpu)")


def _add_cut(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--along",
        choices=("random", "trajectory", "eigenvectors", "towards"),
        default="random",
        help="the directions (default: random, filter-normalised)",
    )
    parser.add_argument("--towards", type=int, metavar="STEP", help="with --along towards")
    parser.add_argument("--line", action="store_true", help="along the first direction alone")
    parser.add_argument(
        "--seed", type=_at_least(0), default=0, help="of random directions (default: 0)"
    )
    parser.add_argument(
        "--reach",
        type=float,
        help="to both sides, in lengths of the directions (default: as the directions ask for)",
    )
    parser.add_argument("--resolution", type=int, default=51, help="nodes an axis (default: 51)")
    parser.add_argument(
        "--tolerance",
        type=_at_least(0.0),
        default=0.01,
        help="largest error as a share of the range; 0 evaluates every node (default: 0.01)",
    )
    parser.add_argument("--scale", choices=("log", "linear"), default="log")
    parser.add_argument("--workers", type=_at_least(1), default=1, help="processes (default: 1)")


def _at_least(least: Number) -> Callable[[str], Number]:
    def number(text: str) -> Number:
        value = type(least)(text)
        if not value >= least:  # as NaN is not
            raise argparse.ArgumentTypeError(f"{text} is less than {least}, the least there can be")
        return value

    return number


def _landscape(asked: argparse.Namespace) -> int:
    from diagnostics.active import Cut, landscape_key, landscape_of
    from diagnostics.slices import Grid
    from diagnostics.tiles import Work

    run, wish = _run(asked), _wish(asked)
    grid = Grid(resolution=asked.resolution, tolerance=asked.tolerance, scale=asked.scale)
    reach = None if asked.reach is None else (-asked.reach, asked.reach)
    cut = Cut(asked.along, 1 if asked.line else 2, asked.seed, asked.towards, reach, grid)
    with progress("points") as told:
        found = landscape_of(run, wish, cut, Work(workers=asked.workers, progress=told))
    print(_about(found.about.step, found.about.data, found.about.statistics))
    print(f"along {' and '.join(found.directions)}")
    print(f"{found.evaluated.sum()} of {found.loss.size} points evaluated", end="")
    print(f"; loss {found.centre_loss:.4g} at the centre, up to {found.loss.max():.4g}")
    for figure in found.figures:
        print(f"  {figure.name:<18}{figure.value:.4g}")
    if found.trajectory:
        shown, chance = found.trajectory.explained, found.trajectory.chance
        wandering = f" (aimless wandering: {chance:.1%})" if asked.along == "trajectory" else ""
        print(f"training's way: {shown:.1%} of it lies here{wandering}")
    print(f"stored as {landscape_key(found.about, cut)}")
    return 0


def _curvature(asked: argparse.Namespace) -> int:
    from diagnostics.active import curvature_of, curvatures_of
    from diagnostics.curvature import Effort

    run, wish = _run(asked), _wish(asked)
    effort = Effort(asked.count, asked.most, by_layer=asked.by_layer)
    with progress("products") as told:
        if asked.all:
            history = curvatures_of(run, wish, effort, told)
        else:
            found = curvature_of(run, wish, effort, told)
    if asked.all:
        print(f"{'step':>10}{'largest':>12}{'edge':>12}{'trace':>12}   ({history.edge_rule})")
        rows = zip(
            history.steps, history.eigenvalues[:, 0], history.edge, history.trace, strict=True
        )
        for step, top, edge, trace in rows:
            print(f"{step:>10}{top:>12.4g}{edge:>12.4g}{trace:>12.4g}")
        return 0
    print(_about(found.about.step, found.about.data, found.about.statistics))
    for value, residual in zip(found.eigenvalues, found.residuals, strict=True):
        print(f"  eigenvalue        {value:.5g} ± {residual:.1g}")
    print(f"  lowest            {found.lowest:.5g} ± {found.lowest_residual:.1g}")
    stopped = "" if found.trace_converged else " (stopped by the number of products)"
    print(f"  trace             {found.trace:.5g} ± {found.trace_error:.1g}{stopped}")
    print(f"  negative mass     {found.negative_mass:.3g} ± {found.negative_mass_error:.1g}")
    print(f"  largest stable rate of gradient descent {found.edge:.4g}")
    return 0


def _run(asked: argparse.Namespace) -> Run:
    from diagnostics.run import Run

    return Run(asked.run)


def _wish(asked: argparse.Namespace) -> Wish:
    from diagnostics.active import Wish

    return Wish(asked.step, asked.statistics, asked.subject, asked.device)


def _about(step: int, data: str, statistics: str) -> str:
    return f"step {step}, {data}, statistics of batch normalisation: {statistics}"


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """How far it is, on standard error: one line made anew; in a file or a pipe a line a second."""
    live = sys.stderr.isatty()
    begun, last = time.monotonic(), 0.0
    first: int | None = None  # what was there already takes no time

    def tell(done: int, of: int) -> None:
        nonlocal last, first
        first, now = done if first is None else first, time.monotonic()
        if now - last < (0.2 if live else 1.0) and done < of:
            return
        last = now
        made, spent = done - first, now - begun
        left = f", {_time((of - done) * spent / made)} left" if made and done < of else ""
        line = f"{done} of {of} {what}{left}"
        if live:
            print(f"\r{line}".ljust(60), end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if live and last:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
