"""What the page of a comparison shows, part by part; each computed once for what it depends on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dashboard.canvas import Canvas
from dashboard.comparison import growth, overlay
from dashboard.comparison.kept import Kept
from dashboard.comparison.parting_told import parting_told
from dashboard.comparison.settings_table import settings_table
from dashboard.comparison.values_table import values_table
from dashboard.comparison.verdict_rows import verdict_rows
from dashboard.comparison.views import Views
from dashboard.comparison.wanted import Wanted
from dashboard.examined import Examined
from dashboard.markup import Element, element
from dashboard.overview import notice
from diagnostics.common_place import common_places
from diagnostics.comparison import Comparison, comparison, distinct_names
from diagnostics.layer_comparison import common_layers, layer_comparison
from diagnostics.parting import Parting, parting
from diagnostics.run import FathomError, Run
from diagnostics.run_settings import run_settings
from diagnostics.run_values import run_values
from diagnostics.verdict_table import verdict_table

# How to draw it, its caption, and what beside the runs it depends on.
Picture = tuple[Callable[[], Canvas], str, dict[str, Any]]


class Shown:
    """Pictures and tables of the runs that are wanted."""

    def __init__(self, views: Views, examined: Examined) -> None:
        self._kept, self._examined = Kept(views.alone), examined

    def scalars(self, asked: Wanted) -> Picture:
        """All that was logged."""
        found = self._curves(asked)
        if not (found.overlays or found.lacking):
            raise FathomError("none of these runs has logged a number: recorder.log(loss=loss).")
        return (
            lambda: overlay.draw(found, asked.scale),
            overlay.caption(found, asked.scale),
            _looks(asked),
        )

    def layer(self, asked: Wanted) -> Picture:
        """One layer in every run."""
        how = (self._layer(asked), asked.along, asked.smooth)
        found = self._kept.of(
            asked.runs, ("layer", *how), lambda: layer_comparison(asked.runs, *how)
        )
        looks = _looks(asked) | {"layer": how[0]}
        return lambda: overlay.draw(found, asked.scale), overlay.caption(found, asked.scale), looks

    def growth(self, asked: Wanted) -> Picture:
        """How they grow apart."""
        found = self._partings(asked)
        if not found:
            raise FathomError("no two of these runs recorded anything to compare by layer.")
        return lambda: growth.draw(found), growth.caption(found), {}

    def parted(self, asked: Wanted) -> Element:
        """Since when, and in what first."""
        cards = []
        for other, name in zip(asked.runs[1:], asked.names[1:], strict=True):
            try:
                found = self._parting(asked.runs[0], other)
                cards.append(parting_told(found, (asked.names[0], name)))
            except FathomError as error:
                cards.append(notice(str(error)))
        return element("div", "partings", *cards)

    def layers(self, asked: Wanted) -> Element:
        """Which to look at."""
        options = [element("option", "", name, value=name) for name in self._there(asked)]
        told = {"data-address": "layer", "data-chosen": self._layer(asked), "aria-label": "Layer"}
        return element("label", "chosen-layer", "Layer ", element("select", "", *options, **told))

    def settings(self, asked: Wanted) -> Element:
        """What differs, then the rest."""
        found = self._kept.of(asked.runs, "settings", lambda: run_settings(asked.runs))
        return settings_table(distinct_names(asked.runs), found)

    def values(self, asked: Wanted) -> Element:
        """Last and best."""
        found = self._kept.of(asked.runs, "values", lambda: run_values(asked.runs))
        curves = self._curves(asked)
        return values_table(found, common_places(curves), curves.unit)

    def verdicts(self, asked: Wanted) -> Element:
        """What the doctor says of each."""
        rows = verdict_table([self._examined.of(run.path) for run in asked.runs])
        return verdict_rows(distinct_names(asked.runs), rows)

    def _curves(self, asked: Wanted) -> Comparison:
        how = (asked.along, asked.smooth)
        found: Comparison = self._kept.of(
            asked.runs, ("scalars", *how), lambda: comparison(asked.runs, *how)
        )
        return found

    def _partings(self, asked: Wanted) -> dict[int, Parting]:
        """The first run against others, by their places; those that share nothing are left out."""
        found = {}
        for place, other in enumerate(asked.runs[1:], start=1):
            with suppress(FathomError):
                found[place] = self._parting(asked.runs[0], other)
        return found

    def _parting(self, a: Run, b: Run) -> Parting:
        found: Parting = self._kept.of((a, b), "parting", lambda: parting(a, b))
        return found

    def _there(self, asked: Wanted) -> tuple[str, ...]:
        found: tuple[str, ...] = self._kept.of(
            asked.runs, "layers", lambda: common_layers(asked.runs)
        )
        return found

    def _layer(self, asked: Wanted) -> str:
        """As the address names it; else where the first two part, or the first there is."""
        there = self._there(asked)
        if asked.layer in there:
            return asked.layer
        firsts = [found.first_tensor for found in self._partings(asked).values()]
        parted = (first.layer for first in firsts if first and first.layer in there)
        return next(parted, there[0] if there else "")


def _looks(asked: Wanted) -> dict[str, Any]:
    return {"along": asked.along, "smooth": asked.smooth, "scale": asked.scale}
