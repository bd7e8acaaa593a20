"""What an address asks of a picture, as far as its panel understands and its result offers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.address import Address
from dashboard.panel import Panel

OPTIONS = ("layer", "view", "scale", "smooth", "step")
Offered = Mapping[str, tuple[str, ...]]  # by an option, what there is to choose from


def options_of(panel: Panel[Any]) -> list[str]:
    """What of an address makes it another picture: a step only where it shows more than a line."""
    known = [each for each in OPTIONS if panel.takes(each) or panel.analyses(each)]
    return [each for each in known if each != "step" or panel.profiles]


def for_analysis(panel: Panel[Any], address: Address) -> dict[str, Any]:
    """What goes to its analysis."""
    return {name: value for name, value in _told(address).items() if panel.analyses(name)}


def for_drawing(panel: Panel[Any], address: Address, offered: Offered) -> dict[str, Any]:
    """What goes to its drawing; a wish that its result cannot fulfil is none."""
    free = {name: value for name, value in _told(address).items() if name not in offered}
    several = {name: words for name, words in offered.items() if len(words) > 1}
    wishes = free | {name: chosen(name, words, address) for name, words in several.items()}
    return {name: value for name, value in wishes.items() if panel.takes(name)}


def chosen(name: str, words: tuple[str, ...], address: Address) -> str:
    """The one of several that the address names, or the first."""
    named = address.views if name == "view" else (getattr(address, name, ""),)
    return next((word for word in named if word in words), words[0])


def _told(address: Address) -> dict[str, Any]:
    told = {name: getattr(address, name) for name in OPTIONS if name != "view"}
    return {name: value for name, value in told.items() if value not in (None, "")}
