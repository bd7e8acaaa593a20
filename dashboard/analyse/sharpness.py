"""`fathom analyse sharpness`: how sharp the minimum is, by every definition in use."""

from __future__ import annotations

import argparse

import numpy as np

from dashboard.analyse.options import Add, add_weights, at_least, conditions, wish_of


def add_sharpness(add: Add) -> None:
    told = "how sharp the minimum is, by every definition in use"
    sharpness = add("sharpness", told, "fathom analyse sharpness runs/digits --radius 0.1")
    add_weights(sharpness)
    sharpness.add_argument(
        "--radius", type=at_least(0.0), default=0.05, help="of the ball (default: 0.05)"
    )
    sharpness.add_argument(
        "--noise",
        type=at_least(0.0),
        default=0.02,
        help="of the Gaussian, as a share of each filter's size (default: 0.02)",
    )
    sharpness.add_argument(
        "--draws", type=at_least(2), default=20, help="of that noise (default: 20)"
    )
    sharpness.set_defaults(command=_sharpness)


def _sharpness(asked: argparse.Namespace) -> int:
    from diagnostics.active.sharpness import sharpness_key, sharpness_of
    from diagnostics.run import Run

    found = sharpness_of(
        Run(asked.run),
        wish_of(asked),
        radius=asked.radius,
        noise=asked.noise,
        draws=asked.draws,
    )
    print(conditions(found.about))
    print(f"  loss                           {found.loss:.4g}")
    print(f"  rise after SAM's step of {found.radius:<6g}{found.sam_step:.4g}")
    print(f"  largest rise found in the ball {found.ball_rise:.4g}")
    print(f"  in the adaptive ball of {found.adaptive_radius:<7g}{found.adaptive_rise:.4g}")
    print(
        f"  under noise of {found.noise:<16g}{found.noise_rise:.4g} ± {found.noise_rise_error:.1g}"
    )
    print(f"  loss doubled at (median)       {np.median(found.doubling):.4g}")
    print(f"stored as {sharpness_key(found.about)}")
    return 0
