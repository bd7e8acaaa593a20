"""A page of pictures: all panels of one chapter."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.chapters import CHAPTERS
from dashboard.markup import Element, element
from dashboard.pages.components import component
from dashboard.pages.pictures import section
from dashboard.pages.stored_pictures import chapter
from dashboard.panel import recorded_panels, stored_panels

SCALES = {"": "auto", "linear": "linear", "log": "log"}


def layout(name: str) -> list[Component]:
    """What was recorded comes first, then what was computed on demand."""
    named = [each for each in CHAPTERS if each.name == name]
    question = [html.P(each.question, className="chapter-question") for each in named]
    recorded = [panel for panel in recorded_panels() if panel.chapter == name]
    stored = [panel for panel in stored_panels() if panel.chapter == name]
    sections = [section(panel) for panel in recorded]
    return question + sections + (chapter(stored) if stored else [])


def smoothing() -> Component:
    """How much a curve is smoothed, and the scale of its values."""
    holder = {"data-control": "range", "data-address": "smooth", "data-label": "Smoothing"}
    field = element(
        "span", "", **holder, **{"data-min": "0", "data-max": "0.99", "data-step": "0.01"}
    )
    label = element("label", "smoothing", "Smooth", field)
    named = {"data-of": "scale", "aria-label": "Scale"}
    row = element("div", "segments", *map(_scale, SCALES), role="group", **named)
    built = component(element("div", "controls", label, row))
    assert isinstance(built, Component)
    return built


def _scale(name: str) -> Element:
    told = {"data-set": "scale", "data-to": name, "aria-pressed": "false"}
    return element("button", "", SCALES[name], type="button", **told)
