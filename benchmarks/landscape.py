"""What a loss surface costs: Fathom exact and adaptive, its peers, and the physical limit.

The limit is as many pure forward passes and losses as there are points, at fixed weights in
inference mode. All rows of a model take turns in one process of one torch thread: seconds of CPU,
and ratios of them; seconds on the clock in brackets. A row's time for the surface is that of a
point times the points. Fathom's adaptive surface is made as a whole, on either scale, and
compared with the whole exact one where `--whole` asks for that, and with the fastest peer, which
has running statistics.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch
from landscape_peers import Plane, drives
from models import WORKLOADS
from torch.nn import functional
from trained import CPU, WALL, in_turn, now, timed, trained

from diagnostics.directions import random_direction
from diagnostics.loss_landscape import Landscape, loss_landscape
from diagnostics.refinement import Scale
from diagnostics.slices import Grid, Slice, axis_of
from diagnostics.subject import Subject
from diagnostics.tiles import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from trained import Seconds

    Rows = dict[str, Seconds]  # of a point, by each way

OURS = ("limit", "fathom exact")


def per_point(plane: Plane, rounds: int) -> tuple[Rows, dict[str, str]]:
    """Seconds of a point, by each way that runs, and why the others do not."""
    subject = Subject(plane.model, functional.cross_entropy, plane.data)
    axes = (axis_of((-1.0, 1.0), plane.resolution),) * 2
    cut = Slice(subject, [random_direction(subject, seed) for seed in (0, 1)], axes)
    nodes = np.linspace(0, plane.resolution**2 - 1, plane.points).astype(np.int64)
    x, y = plane.data

    def limit() -> None:
        with torch.inference_mode():
            for _ in range(plane.points):
                functional.cross_entropy(plane.model(x), y)

    works: tuple[Callable[[], object], ...] = (limit, partial(cut, nodes))
    rows = {name: partial(_share, work, plane) for name, work in zip(OURS, works, strict=True)}
    peers, failed = drives(plane)
    return in_turn(rows | peers, rounds), failed


def _share(work: Callable[[], object], plane: Plane) -> Seconds:
    return timed(work) / plane.points


def surfaces(subject: Subject, resolution: int, rows: Rows, *, whole: bool) -> list[str]:
    """The adaptive surface on either scale, against the whole one and the fastest peer's."""
    exact, exact_s = None, rows["fathom exact"] * resolution**2
    if whole:
        begun = now()
        exact = loss_landscape(subject, None, Grid(resolution=resolution, tolerance=0.0))
        exact_s = now() - begun
    lines = []
    for scale in get_args(Scale):
        begun = now()
        adaptive = loss_landscape(subject, None, Grid(resolution=resolution, scale=scale))
        took = now() - begun
        estimated = "" if whole else " (estimated)"
        against = _against_peers(rows, took, resolution)
        lines += [
            _cost(adaptive, took),
            f"  {_times(exact_s, took)} than exact{estimated}{against}",
            f"  {_off(adaptive, exact)}",
        ]
    return lines


def _cost(adaptive: Landscape, took: Seconds) -> str:
    evaluated, nodes = adaptive.evaluated.sum(), adaptive.loss.size
    return (
        f"adaptive, {adaptive.scale} scale, statistics {adaptive.about.statistics}: "
        f"{evaluated} of {nodes} points, {took[CPU]:.1f} s ({took[WALL]:.1f})"
    )


def _times(other: Seconds, took: Seconds) -> str:
    ratio = other / took
    return f"{ratio[CPU]:.1f} times faster ({ratio[WALL]:.1f})"


def _against_peers(rows: Rows, took: Seconds, resolution: int) -> str:
    peers = {name: each for name, each in rows.items() if name not in OURS}
    if not peers:
        return ""
    best = min(peers, key=lambda name: peers[name][CPU])
    return f", {_times(peers[best] * resolution**2, took)} than {best}"


def _off(adaptive: Landscape, exact: Landscape | None) -> str:
    """The errors that are there, or where no whole surface is: what the adaptive one says."""
    told = f"stated: {adaptive.tolerance:g}"
    if exact is None:
        return (
            f"{adaptive.audited} points checked, the worst off by {adaptive.audit_error:.4f} "
            f"of the range ({told})"
        )
    drawn = np.log if adaptive.scale == "log" else np.positive
    finite = np.isfinite(exact.loss)  # where it is not, the other is not either
    whole = drawn(exact.loss[finite])
    gap = np.abs(drawn(adaptive.loss[finite]) - whole) / np.ptp(whole)
    beyond = np.mean(gap > adaptive.tolerance)
    return f"largest error {gap.max():.4f} of the range ({told}), beyond it {beyond:.2%} of points"


def in_processes(subject: Subject, workers: int, resolution: int, rounds: int) -> str:
    """Seconds on the clock of the whole exact surface, in this process and in several."""
    grid = Grid(resolution=resolution, tolerance=0.0)

    def surface(count: int) -> float:
        begun = time.perf_counter()
        loss_landscape(subject, None, grid, work=Work(workers=count))
        return time.perf_counter() - begun

    starting = surface(workers)
    times = [(surface(1), surface(workers)) for _ in range(rounds)]
    one, several = np.median(times, axis=0)
    return (
        f"{workers} workers, {resolution} x {resolution} exact: {several:.2f} s on the clock "
        f"against {one:.2f} s with one, {one / several:.2f} times faster; {starting:.2f} s with "
        "the start of the processes"
    )


def table(rows: Rows, failed: dict[str, str], resolution: int) -> str:
    lines = [f"{'':<24}{'ms a point':>12}{'(clock)':>12}{'x limit':>9}{'s a surface':>13}"]
    for name, each in rows.items():
        cpu, wall = each
        lines.append(
            f"{name:<24}{cpu * 1e3:>12.2f}{f'({wall * 1e3:.2f})':>12}"
            f"{cpu / rows['limit'][CPU]:>9.3f}{cpu * resolution**2:>13.1f}"
        )
    lines += [f"{name:<24}does not run: {why}" for name, why in failed.items()]
    return "\n".join(lines)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(WORKLOADS), help="such as mlp,gpt")
    parser.add_argument("--resolution", type=int, default=51)
    parser.add_argument("--whole", default="mlp,resnet20", help="models whose exact surface is run")
    parser.add_argument("--points", type=int, default=25, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of training (default: by model)")
    parser.add_argument("--workers", type=int, help="processes to compare with one")
    parser.add_argument("--workers-resolution", type=int, default=25)
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # peers talk
    for name in arguments.models.split(","):
        model, data = trained(name, arguments.steps)
        plane = Plane(model.eval(), data, arguments.resolution, arguments.points)
        rows, failed = per_point(plane, arguments.rounds)
        print(f"\n{name}\n{table(rows, failed, arguments.resolution)}", flush=True)
        normalises = any("BatchNorm" in type(module).__name__ for module in model.modules())
        whole = name in arguments.whole.split(",")
        for statistics in ("running", "batch") if normalises and whole else ("running",):
            subject = Subject(model, functional.cross_entropy, data, statistics=statistics)
            for line in surfaces(subject, arguments.resolution, rows, whole=whole):
                print(line, flush=True)
        if arguments.workers:
            each = arguments.workers_resolution
            print(in_processes(subject, arguments.workers, each, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
