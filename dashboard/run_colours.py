"""The colours of runs beside one another: told apart by every eye, in either scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.theme import Scheme

# Found by search: each has a contrast of 3:1 on its card, and any two stay far apart for eyes
# without red, without green or without blue. No single set of eight does so on both cards.
LIGHT = (
    *("#1779c1", "#d76b01", "#6f303a", "#939393"),
    *("#51296c", "#9b784d", "#102ba1", "#851d00"),
)
DARK = (
    *("#71afdc", "#e59909", "#aeab74", "#a246e2"),
    *("#cc3e77", "#46f7f4", "#c7ed79", "#996c28"),
)
DASHES = ("solid", "dash", "dot")  # the ninth run has the first one's colour, and is dashed


def run_colour(place: int, scheme: Scheme = "light") -> str:
    """Of the run at that place of the comparison."""
    return (LIGHT if scheme == "light" else DARK)[place % len(LIGHT)]


def run_dash(place: int) -> str:
    """How its line is drawn."""
    return DASHES[place // len(LIGHT) % len(DASHES)]


def run_swaps() -> dict[str, str]:
    """Which dark colour stands for which light one."""
    return dict(zip(LIGHT, DARK, strict=True))
