"""Members in the shape of draws of dropout: what draws the one draws the other, in other words."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.dropout.band import SPREAD, WIDTH, band_of, band_traces
from dashboard.dropout.doubt import WITHIN, Doubt, doubt_of, entropy_traces
from dashboard.ensembles.naming import spread_name
from dashboard.theme import Palette
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.ensemble import Ensemble
from diagnostics.mc_dropout import McDropout, Plan

Trace = dict[str, Any]


def drawn_along(placed: PlacedEnsemble) -> PlacedDropout:
    """Each member is one function of all examples, as a draw of shared masks is."""
    line = placed.along.line if placed.along else None
    return PlacedDropout(_as_draws(shown(placed)), line)


def shown(placed: PlacedEnsemble) -> Ensemble:
    """On the line, where there is one."""
    return placed.along.ensemble if placed.along else placed.ensemble


def doubt_in(of: Ensemble) -> Doubt:
    return doubt_of(_as_draws(of))


def _as_draws(of: Ensemble) -> McDropout:
    return McDropout(
        about=of.about,
        plan=Plan(masks="shared"),
        how="members",
        seconds=np.nan,
        uncertainty=of.uncertainty,
        plain=np.empty(0),
        gap=None,
        dropouts=(),
        sweep=None,
        targets=of.targets,
        likelihood=of.likelihood,
        plain_log_likelihood=np.nan,
        covariance=None,
        kept=of.kept,
        findings=of.findings,
    )


def band_title(placed: PlacedEnsemble) -> str:
    return "input" if placed.along else "examples, by the mean of the members"


def member_traces(placed: PlacedEnsemble, output: int, colours: Palette) -> list[Trace]:
    """Members with their mean and spread, and the targets."""
    whose = f"{placed.along.line.whose} data" if placed.along else "target"
    band = band_of(drawn_along(placed), output)
    traces = band_traces(band, colours, whose)
    return _renamed(traces, placed.ensemble, len(band.draws))


def entropies(of: Ensemble, doubt: Doubt, colours: Palette) -> list[Trace]:
    return _renamed(entropy_traces(doubt, colours), of, 0)


def _renamed(traces: list[Trace], of: Ensemble, functions: int) -> list[Trace]:
    names = {
        f"± {WIDTH} sd, {SPREAD}": f"± {WIDTH} sd, {spread_name(of)}",
        SPREAD: spread_name(of),
        WITHIN: "entropy of a member",
        "mean of the draws": "mean of the members",
        f"{functions} draws": f"{functions} members",
    }
    return [trace | {"name": names.get(trace["name"], trace["name"])} for trace in traces]
