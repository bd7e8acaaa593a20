"""`fathom analyse …`: computes of a run what it can compute, tells how far it is, stores it."""

from __future__ import annotations

from dashboard.analyse.connectivity import add_connectivity
from dashboard.analyse.curvature import add_curvature
from dashboard.analyse.early_stopping import add_early_stopping
from dashboard.analyse.ensemble import add_ensemble
from dashboard.analyse.kernel_modes import add_kernel_modes
from dashboard.analyse.landscape import add_landscape
from dashboard.analyse.mc_dropout import add_mc_dropout
from dashboard.analyse.options import Add
from dashboard.analyse.quality import add_quality
from dashboard.analyse.sharpness import add_sharpness
from dashboard.analyse.spectral_bias import add_spectral_bias


def add_analyses(add: Add) -> None:
    """A command for each."""
    for add_one in (
        add_landscape,
        add_curvature,
        add_sharpness,
        add_connectivity,
        add_spectral_bias,
        add_kernel_modes,
        add_early_stopping,
        add_mc_dropout,
        add_ensemble,
        add_quality,
    ):
        add_one(add)
