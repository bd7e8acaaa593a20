"""What the page of a comparison shows: which runs, as they are now, and how they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.address import Address
from dashboard.comparison.chips import chosen
from dashboard.comparison.views import Views
from diagnostics.alignment import ALONG, Along
from diagnostics.run import FathomError, Run


@dataclass(frozen=True)
class Wanted:
    """As an address has it, and what is there of it."""

    runs: tuple[Run, ...]
    names: tuple[str, ...]  # of the runs, as an address has them
    along: Along
    smooth: float
    scale: str
    layer: str


def state_of(views: Views, address: Address) -> dict[str, Any]:
    """For the browser: it changes when a run has grown, or something else is wanted."""
    names, missing, found = chosen(address), [], []
    for name in names:
        try:
            found.append([name, views.look(name).generation])
        except FathomError as error:
            missing.append(str(error))
    along = address.along if address.along in ALONG else ALONG[0]
    looks = {"along": along, "smooth": address.smooth, "scale": address.scale}
    return {"runs": found, "missing": missing, "layer": address.layer, **looks}


def wanted(views: Views, state: Mapping[str, Any]) -> Wanted:
    """The runs that the browser speaks of."""
    return Wanted(
        runs=tuple(views.kept(name) for name, _ in state["runs"]),
        names=tuple(name for name, _ in state["runs"]),
        along=state["along"],
        smooth=float(state["smooth"]),
        scale=str(state["scale"]),
        layer=str(state["layer"]),
    )
