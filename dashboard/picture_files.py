"""Every picture of a run as a file of its own, on white, for a paper or a talk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dashboard.browser import find_browser, unboxed
from dashboard.bundle import path
from dashboard.report_page import page
from dashboard.theme import LIGHT

if TYPE_CHECKING:
    from dashboard.report_panels import Figures
    from diagnostics.run import Run

Kind = Literal["png", "svg", "pdf"]
NO_KALEIDO = "pictures as files need kaleido: pip install 'kaleido>=1.4'"
WIDTH, SHARPNESS = 1100, 2  # pixels; dots of a .png for each of them
HIDDEN = "rgba(0,0,0,0)"


def write_pictures(
    runs: Sequence[Run], folder: str | os.PathLike[str], kind: Kind
) -> tuple[Path, ...]:
    """Draw every panel, and every choice that it offers; several runs get a folder each."""
    from diagnostics.run import FathomError

    try:
        from kaleido import write_fig_from_object_sync
    except ImportError:
        raise FathomError(NO_KALEIDO) from None
    browser = find_browser()
    asked = [_asked(figure, target, kind) for figure, target in _targets(runs, Path(folder), kind)]
    for each in asked:
        each["path"].parent.mkdir(parents=True, exist_ok=True)
    write_fig_from_object_sync(
        asked,
        kopts={
            "path": browser,
            "plotlyjs": path("whole"),
            "mathjax": False,  # it would be asked for from a server
            "enable_sandbox": not unboxed(),
        },
    )
    return tuple(each["path"] for each in asked)


def _targets(runs: Sequence[Run], folder: Path, kind: Kind) -> Iterator[tuple[Any, Path]]:
    names = _distinct([run.name for run in runs])
    for run, name in zip(runs, names, strict=True):
        inside = folder / name if len(runs) > 1 else folder
        figures: Figures = page(run).figures
        for place, figure in figures.items():
            yield figure, inside / f"{file_stem(place.removeprefix('run-1-'))}.{kind}"


def _asked(figure: Any, target: Path, kind: Kind) -> dict[str, Any]:
    still = without_controls(figure)
    size = {"width": WIDTH, "height": still["layout"].get("height", 400)}
    scale = SHARPNESS if kind == "png" else 1
    return {"fig": still, "path": target, "opts": {**size, "format": kind, "scale": scale}}


def without_controls(figure: Any) -> Any:
    """A slider says what it shows, and cannot be moved."""
    sliders = [_still(slider) for slider in figure["layout"].get("sliders") or ()]
    return {**figure, "layout": {**figure["layout"], "sliders": sliders}}


def file_stem(name: str) -> str:
    """Letters, digits and dashes: a name that every system takes."""
    return re.sub(r"[^\w]+", "-", name).strip("-") or "run"


def _distinct(names: Sequence[str]) -> list[str]:
    """As files; those that would be equal are numbered."""
    found: list[str] = []
    for name in map(file_stem, names):
        free, number = name, 1
        while free.lower() in map(str.lower, found):
            number += 1
            free = f"{name}-{number}"
        found.append(free)
    return found


def _still(slider: dict[str, Any]) -> dict[str, Any]:
    told = {"font": {**slider["currentvalue"].get("font", {}), "color": LIGHT.ink}}
    unseen = ("bgcolor", "activebgcolor", "bordercolor", "tickcolor")
    return {
        **slider,
        **dict.fromkeys(unseen, HIDDEN),
        "font": {"color": HIDDEN},
        "currentvalue": {**slider["currentvalue"], **told},
    }
