"""A panel: the question a picture answers, its analysis and its drawing; one file, one panel."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import dashboard.figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dashboard.named_numbers import Named
    from dashboard.stored import Stored

R = TypeVar("R")


def _none(_: object) -> Mapping[str, tuple[str, ...]]:
    return {}


def _nothing(_: object) -> tuple[Named, ...]:
    return ()


@dataclass(frozen=True)
class Panel(Generic[R]):
    """One picture of a run; generic, so that a drawing cannot be paired with another's result."""

    name: str  # stem of its file, and of its analysis's file
    chapter: str  # the page it stands on: one of dashboard.chapters
    title: str
    question: str
    analyse: Callable[..., R]  # analyse(run), and what of the address it names
    draw: Callable[..., Figure]  # draw(result, *, scheme=..., and whatever else it offers)
    caption: Callable[[R], str]  # what the picture shows, for those who cannot see it as well
    choices: Callable[[R], Mapping[str, tuple[str, ...]]] = _none  # drawings besides the first
    numbers: Callable[[R], tuple[Named, ...]] = (
        _nothing  # beside the picture, each with its meaning
    )
    place: int = 1  # on a page: those of the least come first
    profiles: bool = False  # at a step it shows more than a line there: is drawn anew for each

    def takes(self, option: str) -> bool:
        """Whether the drawing understands an option, such as `step`."""
        return option in signature(self.draw).parameters

    def analyses(self, option: str) -> bool:
        """Whether the analysis understands an option, such as `layer`."""
        return option in signature(self.analyse).parameters


@dataclass(frozen=True, kw_only=True)
class StoredPanel(Panel[R]):
    """One whose analysis takes so long that a command computes it, and stores what it found."""

    stored: Stored[R]


@cache
def panels() -> tuple[Panel[Any], ...]:
    """Every panel there is: the folder `figures/` is the registry."""
    names = sorted(module.name for module in pkgutil.iter_modules(dashboard.figures.__path__))
    return tuple(importlib.import_module(f"dashboard.figures.{name}").PANEL for name in names)


def stored_panels() -> tuple[StoredPanel[Any], ...]:
    """Those whose analysis a command computes."""
    return tuple(panel for panel in panels() if isinstance(panel, StoredPanel))


def recorded_panels() -> tuple[Panel[Any], ...]:
    """Those that read what was recorded."""
    found = [panel for panel in panels() if not isinstance(panel, StoredPanel)]
    return tuple(sorted(found, key=lambda panel: (panel.place, panel.name)))


def draw(result: object, **options: Any) -> Figure:
    """Draw a result with the panel of its analysis; `options` go to that drawing."""
    stem = type(result).__module__.rpartition(".")[2]
    for panel in panels():
        if panel.name == stem:
            return panel.draw(result, **options)
    known = ", ".join(panel.name for panel in panels())
    raise TypeError(f"no drawing for a {type(result).__name__} (there are: {known})")
