"""The report's panels: each a section with its figures, or with what went wrong in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element
from dashboard.named_numbers import table
from dashboard.overview import complaint, notice
from dashboard.panel import Panel

if TYPE_CHECKING:
    from diagnostics.run import Run

Figures = dict[str, Any]  # by the section's id; a drawing that a button chooses: with its words


def panel_section(
    place: str, panel: Panel[Any], run: Run, options: Mapping[str, Any]
) -> tuple[Element, Figures]:
    """A panel under the id `place`, and the figures that it shows."""
    heading = (element("h3", "", panel.title), element("p", "question", panel.question))
    try:
        result = panel.analyse(run)
        figures = dict(_drawings(place, panel, result, options))
        below = (element("p", "caption", panel.caption(result)), table(panel.numbers(result)))
    except Exception as error:  # one broken panel never takes the page down
        return element("section", "panel", *heading, notice(complaint(error)), id=place), {}
    buttons = _buttons(panel.choices(result))
    picture = _picture(place, panel.title, figures[place])
    return element("section", "panel", *heading, buttons, picture, *below, id=place), figures


def _picture(place: str, title: str, figure: Mapping[str, Any]) -> Element:
    """Where the figure will be: as high as it, so that nothing moves when it is drawn."""
    layout = figure["layout"]
    high = layout.get("height", 400)
    narrow = (layout.get("meta") or {}).get("narrow", {}).get("height", high)
    told = {"role": "group", "aria-label": title, "style": f"--high:{high}px;--narrow:{narrow}px"}
    return element("div", "figure", id=f"{place}-figure", **told)


def _drawings(
    place: str, panel: Panel[Any], result: Any, options: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The first under the section's id, every other choice with its words behind it."""
    yield place, panel.draw(result, **options).to_plotly_json()
    known = _several(panel.choices(result))
    for chosen in list(product(*known.values()))[1:]:
        asked = dict(zip(known, chosen, strict=True))
        yield " ".join([place, *chosen]), panel.draw(result, **options, **asked).to_plotly_json()


def _several(choices: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """One alone is no choice."""
    return {what: words for what, words in choices.items() if len(words) > 1}


def _buttons(choices: Mapping[str, tuple[str, ...]]) -> Element | None:
    """A row for each choice, its first button pressed."""
    rows = [
        element("div", "segments", *(_button(word, word == words[0]) for word in words))
        for words in _several(choices).values()
    ]
    return element("div", "controls", *rows) if rows else None


def _button(word: str, pressed: bool) -> Element:
    return element("button", "", word, type="button", **{"aria-pressed": str(pressed).lower()})
