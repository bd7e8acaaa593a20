"""An ensemble beside a dropout ensemble of the same weights and data: spreads and likelihoods."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from dashboard.ensembles.naming import KINDS
from dashboard.theme import Palette
from dashboard.wording import count
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.active.mc_dropout import PlacedDropout, stored_dropout
from diagnostics.ensemble import Ensemble
from diagnostics.mc_dropout import McDropout
from diagnostics.run import Run, RunError
from diagnostics.store import result_path, saved
from diagnostics.uncertainty import Estimate

Trace = dict[str, Any]


@dataclass(frozen=True)
class Beside:
    """An ensemble, and the newest dropout ensemble that compares with it."""

    placed: PlacedEnsemble
    dropout: McDropout | None


Drawn: TypeAlias = Ensemble | PlacedEnsemble | Beside  # each is the one before it, and more


def whole(found: Drawn) -> Beside:
    if isinstance(found, Beside):
        return found
    return Beside(PlacedEnsemble(found, None) if isinstance(found, Ensemble) else found, None)


@dataclass(frozen=True)
class Row:
    """One of the two, in numbers of the same kind."""

    name: str
    spread: Estimate
    log_likelihood: Estimate | None
    alone: tuple[float, ...]  # log likelihoods: of each member; or with dropout off
    alone_name: str


def beside(run: Run, placed: PlacedEnsemble) -> Beside:
    """The key of the first member tells program, data, precision and statistics."""
    prefix = f"step{placed.ensemble.about.step}_"
    for key in saved(run.path, PlacedDropout)[::-1]:
        if key.startswith(prefix):
            with suppress(RunError):  # damaged: its own panel says so
                dropout = stored_dropout(run.path, key).ensemble
                if comparable(placed, dropout) is not None:
                    return Beside(placed, dropout)
    return Beside(placed, None)


def newest_change(run: Run) -> str:
    """When the newest dropout ensemble was stored; "" where there is none."""
    for key in saved(run.path, PlacedDropout)[-1:]:
        with suppress(FileNotFoundError):  # discarded since it was listed
            return str(result_path(run.path, PlacedDropout, key).stat().st_mtime_ns)
    return ""


def comparable(placed: PlacedEnsemble, dropout: McDropout) -> Ensemble | None:
    """On the same examples, read in the same way."""
    both = [placed.ensemble, *([placed.along.ensemble] if placed.along else [])]
    for of in both:
        same = of.about.key == dropout.about.key and of.about.step == dropout.about.step
        if same and of.uncertainty.reading.outputs == dropout.uncertainty.reading.outputs:
            return of
    return None


def rows_of(found: Beside) -> tuple[Row, ...]:
    """The ensemble, then the dropout ensemble; none where there is nothing to compare."""
    dropout = found.dropout
    of = None if dropout is None else comparable(found.placed, dropout)
    if dropout is None or of is None:
        return ()
    return (
        Row(
            f"{KINDS[of.kind]} of {len(of.names)}",
            of.uncertainty.average,
            of.likelihood.mean if of.likelihood else None,
            tuple(float(each) for each in of.member_log_likelihood if np.isfinite(each)),
            "one member",
        ),
        Row(
            f"dropout ensemble, {count(dropout.uncertainty.draws, 'draw')}",
            dropout.uncertainty.average,
            dropout.likelihood.mean if dropout.likelihood else None,
            (dropout.plain_log_likelihood,) if np.isfinite(dropout.plain_log_likelihood) else (),
            "dropout off",
        ),
    )


def spread_traces(rows: tuple[Row, ...], colours: Palette) -> list[Trace]:
    return _points(rows, [row.spread for row in rows], colours)


def has_spreads(rows: tuple[Row, ...]) -> bool:
    return any(np.isfinite(row.spread.value) for row in rows)


def has_likelihoods(rows: tuple[Row, ...]) -> bool:
    return bool(rows) and all(row.log_likelihood is not None for row in rows)


def likelihood_traces(rows: tuple[Row, ...], colours: Palette) -> list[Trace]:
    """Filled: of the mean; open: of one alone."""
    found = [row.log_likelihood for row in rows if row.log_likelihood is not None]
    traces = _points(rows, found, colours)
    for place, (row, colour) in enumerate(zip(rows, _colours(colours), strict=True)):
        alone = {
            "type": "scatter",
            "mode": "markers",
            "x": list(row.alone),
            "y": [place] * len(row.alone),
            "marker": {"size": 8, "symbol": "circle-open", "color": colour},
            "name": row.alone_name,
            "hovertemplate": "%{x:.4g}<extra>" + row.alone_name + "</extra>",
        }
        traces.insert(0, alone)
    return traces


def row_axis(rows: tuple[Row, ...]) -> dict[str, Any]:
    return {"visible": False, "range": [len(rows) - 0.5, -0.85]}


def _points(rows: tuple[Row, ...], found: list[Estimate], colours: Palette) -> list[Trace]:
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [float(each.value)],
            "y": [place],
            "error_x": {"array": [_finite(each)], "color": colour, "thickness": 1.5, "width": 4},
            "marker": {"size": 10, "color": colour},
            "name": row.name,
            "hovertemplate": f"%{{x:.4g}} ± {_finite(each):.1g}<extra>{row.name}</extra>",
        }
        for place, (row, each, colour) in enumerate(
            zip(rows, found, _colours(colours), strict=True)
        )
    ]


def _colours(colours: Palette) -> tuple[str, str]:
    return colours.accent, colours.fit


def _finite(of: Estimate) -> float:
    """Of two draws a spread has no error."""
    return float(np.nan_to_num(of.error))


def row_names(rows: tuple[Row, ...], axis: str, colours: Palette) -> list[dict[str, Any]]:
    """Above each, from the chart's left end: no margin has to hold them."""
    place = {"xref": f"x{axis} domain", "x": 0, "xanchor": "left", "yref": f"y{axis}"}
    look = {"showarrow": False, "font": {"size": 11, "color": colours.dimmed}}
    return [place | look | {"y": n - 0.42, "text": row.name} for n, row in enumerate(rows)]
