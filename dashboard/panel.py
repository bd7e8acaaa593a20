"""A panel: the question a picture answers, its analysis and its drawing; one file, one panel."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import dashboard.figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from diagnostics.run import Run

R = TypeVar("R")


@dataclass(frozen=True)
class Panel(Generic[R]):
    """One picture of a run; generic, so that a drawing cannot be paired with another's result."""

    name: str  # stem of its file, and of its analysis's file
    title: str
    question: str
    analyse: Callable[[Run], R]
    draw: Callable[..., Figure]  # draw(result, *, scheme=..., and whatever else it offers)
    caption: Callable[[R], str]  # what the picture shows, for those who cannot see it as well

    def takes(self, option: str) -> bool:
        """Whether the drawing understands an option, such as `step`."""
        return option in signature(self.draw).parameters


@cache
def panels() -> tuple[Panel[Any], ...]:
    """Every panel there is: the folder `figures/` is the registry."""
    names = sorted(module.name for module in pkgutil.iter_modules(dashboard.figures.__path__))
    return tuple(importlib.import_module(f"dashboard.figures.{name}").PANEL for name in names)


def draw(result: object, **options: Any) -> Figure:
    """Draw a result with the panel of its analysis; `options` go to that drawing."""
    stem = type(result).__module__.rpartition(".")[2]
    for panel in panels():
        if panel.name == stem:
            return panel.draw(result, **options)
    known = ", ".join(panel.name for panel in panels())
    raise TypeError(f"no drawing for a {type(result).__name__} (there are: {known})")
