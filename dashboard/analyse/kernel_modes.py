"""`fathom analyse kernel-modes`: what a network's own kernel says is learnt first; and what was."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add, add_held_out, conditions, wish_of

if TYPE_CHECKING:
    from diagnostics.kernel_modes import KernelModes

MOST_ROWS = 12


def add_kernel_modes(add: Add) -> None:
    told = "what is learnt of each mode of the tangent kernel, measured and as predicted"
    parser = add("kernel-modes", told, "fathom analyse kernel-modes runs/sines --step 1")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "--step", type=int, help="the snapshot's that it begins at (default: the first)"
    )
    add_held_out(parser, "of")
    parser.add_argument(
        "--subject",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives a Subject, or model, loss and batch, where the run has recorded no program",
    )
    parser.add_argument("--device", default="cpu", help="such as cuda (default: cpu)")
    parser.set_defaults(command=_kernel_modes, statistics="running")  # others have no Jacobian


def _kernel_modes(asked: argparse.Namespace) -> int:
    from diagnostics.active.kernel_modes import kernel_modes_key, kernel_modes_of
    from diagnostics.run import Run

    wish = wish_of(asked)
    found = kernel_modes_of(Run(asked.run), wish)
    _tell(found)
    print(f"stored as {kernel_modes_key(found, wish)}")
    return 0


def _tell(found: KernelModes) -> None:
    print(f"kernel at step {found.steps[0]}; {conditions(found.about)}")
    print(f"{'mode':>6}{'eigenvalue':>12}{'share':>9}{'half at':>12}{'predicted':>12}")
    for mode in range(min(found.resolved, MOST_ROWS)):
        line = f"{mode + 1:>6}{found.eigenvalues[mode]:>12.4g}{found.share[mode]:>9.2%}"
        times = (found.times.measured.between[mode], found.times.predicted.between[mode])
        print(line + "".join(f"{_when(each):>12}" for each in times))
    if found.unpredicted:
        print(f"not predicted: {found.unpredicted}")
        return
    if found.instead_of:
        print(f"predicted for gradient descent at the same rate; the run had {found.instead_of}")
    print(f"of the prediction: {found.missed}")
    _tell_change(found)


def _tell_change(found: KernelModes) -> None:
    if math.isnan(found.drift):
        print("at the first or the last step no prediction depends on a weight: the kernel is 0")
    else:
        print(
            f"the kernel has changed by {found.drift:.1%} since, its direction by {_angle(found)}"
        )


def _angle(found: KernelModes) -> str:
    return f"{math.degrees(math.acos(min(1.0, found.alignment))):.1f}°"


def _when(step: float) -> str:
    if math.isnan(step):
        return "-"
    return "never" if math.isinf(step) else f"{step:.4g}"
