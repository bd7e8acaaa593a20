"""Places of the picture at which the draws are shown one by one: a handful, and the most unsure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.dropout.band import Band
from dashboard.dropout.doubt import Doubt, drawn
from dashboard.dropout.maps import maps_of
from dashboard.theme import Palette
from diagnostics.active.plane import Plane

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALONG = 32  # of a line, or of examples in their order
ASIDE = 6  # of either side of a plane
RADIUS = 0.02  # of the ring on a plane, as a share of its side


@dataclass(frozen=True)
class Spots:
    """Examples, and where they are in the picture."""

    what: str  # they are: "input", "example"
    examples: Integers  # [spot]
    labels: tuple[str, ...]
    x: Floats  # [spot]
    y: Floats | None  # [spot]  of a plane
    reach: tuple[float, float]  # half the ring's width and height
    nearest: Integers  # [place]  which spot is, of all places that are drawn
    first: int  # the one that spreads most

    @property
    def several(self) -> bool:
        return len(self.examples) > 1

    def next_to(self, x: Floats, y: Floats) -> Integers:
        """Which spot is, of other places than those that are drawn."""
        away = (x[:, None] - self.x) ** 2
        if self.y is not None:  # by the same measure either way
            wide, high = self.reach
            away = away / wide**2 + (1.6 * (y[:, None] - self.y) / high) ** 2
        return np.asarray(away.argmin(1))


def spots_of_band(band: Band, alike: str) -> Spots | None:
    return _in_a_row(band.x, band.order, band.spread, alike)


def spots_of_doubt(doubt: Doubt) -> Spots | None:
    some = drawn(doubt)
    x = (some + 1).astype(np.float64)
    return _in_a_row(x, doubt.order[some], doubt.between[some], "example")


def _in_a_row(x: Floats, examples: Integers, spread: Floats, what: str) -> Spots | None:
    most = _most(spread)
    if most is None:
        return None
    even = np.linspace(0, len(x) - 1, min(ALONG, len(x))).round().astype(np.int64)
    chosen = np.union1d(even[np.isfinite(spread[even])], [most])
    return Spots(
        what=what,
        examples=examples[chosen],
        labels=tuple(f"{place:.4g}" for place in x[chosen]),
        x=x[chosen],
        y=None,
        reach=(0.0, 0.0),
        nearest=np.abs(x[:, None] - x[chosen]).argmin(1),
        first=int(np.searchsorted(chosen, most)),
    )


def spots_of_plane(plane: Plane, output: int) -> Spots | None:
    """Evenly over the grid; from the lowest second input up."""
    spread = maps_of(plane, output)[0].values.ravel()
    most = _most(spread)
    if most is None:
        return None
    columns, rows = len(plane.across), len(plane.up)
    even = [np.linspace(1, count - 2, ASIDE).round().astype(np.int64) for count in (columns, rows)]
    crossings = (even[1][:, None] * columns + even[0]).ravel()
    chosen = np.union1d(crossings[np.isfinite(spread[crossings])], [most])
    row, column = np.divmod(np.arange(columns * rows), columns)
    away = (row[:, None] - row[chosen]) ** 2 + (column[:, None] - column[chosen]) ** 2
    x, y = plane.across[column[chosen]], plane.up[row[chosen]]
    return Spots(
        what="inputs",
        examples=chosen,
        labels=tuple(f"{one:.3g}, {other:.3g}" for one, other in zip(x, y, strict=True)),
        x=x,
        y=y,
        reach=(RADIUS * float(np.ptp(plane.across)), 1.6 * RADIUS * float(np.ptp(plane.up))),
        nearest=away.argmin(1),
        first=int(np.searchsorted(chosen, most)),
    )


def _most(spread: Floats) -> int | None:
    """None where nothing spreads."""
    known = np.where(np.isfinite(spread), spread, 0.0)
    return int(known.argmax()) if known.any() else None


def cursor(spots: Spots, spot: int, axes: tuple[str, ...], colours: Palette) -> list[Any]:
    """On each of the axes a line over the whole height, or a ring on a plane."""
    x = float(spots.x[spot])
    line = {"color": colours.chosen, "width": 2}
    if spots.y is None:
        ends = {"x0": x, "x1": x, "y0": 0, "y1": 1}
        return [
            {"type": "line", "xref": f"x{axis}", "yref": f"y{axis} domain", **ends, "line": line}
            for axis in axes
        ]
    y, (wide, high) = float(spots.y[spot]), spots.reach
    ends = {"x0": x - wide, "x1": x + wide, "y0": y - high, "y1": y + high}
    ring = {"type": "circle", **ends, "line": line | {"width": 3}}
    return [ring | {"xref": f"x{axis}", "yref": f"y{axis}"} for axis in axes]
