"""The look of every figure and page: one template, light and dark, safe for colour-blind eyes."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dashboard.run_colours import run_swaps

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

# Plotly's own defaults add a button that uploads the figure's data to a public service.
CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
}


@dataclass(frozen=True)
class Palette:
    """Every colour in use. Within one palette no two are equal, so that a drawn figure can be
    turned from one scheme to the other by replacing colours."""

    page: str
    card: str
    border: str
    ink: str
    dimmed: str
    grid: str
    sunken: str  # behind code
    accent: str  # links, focus
    chosen: str  # the step looked at, in every picture
    fit: str
    band: str  # confidence of the fit
    missing: str  # a cell without a number
    nonfinite: str  # a cell that held NaN or infinity
    error: str
    warning: str
    hint: str
    good: str


LIGHT = Palette(
    page="#f7f8fa",
    card="#ffffff",
    border="#dfe3e8",
    ink="#1b1f24",
    dimmed="#59636e",
    grid="#e9ecf0",
    sunken="#f1f3f6",
    accent="#0f62a8",
    chosen="#d1490c",
    fit="#3a424b",
    band="rgba(58,66,75,0.14)",
    missing="#d3d8de",
    nonfinite="#e64bb0",
    error="#b3261e",
    warning="#8f5600",
    hint="#1a65a6",
    good="#1c7a3e",
)
DARK = Palette(
    page="#15171a",
    card="#1e2125",
    border="#343940",
    ink="#e8eaed",
    dimmed="#a3abb5",
    grid="#2c3138",
    sunken="#272b31",
    accent="#7db8ec",
    chosen="#ff8a4c",
    fit="#c9d0d8",
    band="rgba(201,208,216,0.16)",
    missing="#4a5059",
    nonfinite="#f268c4",
    error="#ff8a80",
    warning="#f5b54a",
    hint="#79b8f3",
    good="#6fcf8e",
)

_PALETTES: dict[Scheme, Palette] = {"light": LIGHT, "dark": DARK}


def palette(scheme: Scheme) -> Palette:
    """The colours of a scheme."""
    return _PALETTES[scheme]


def template(scheme: Scheme) -> dict[str, Any]:
    """The plotly template of a scheme."""
    colours = palette(scheme)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.border,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "exponentformat": "e",  # not 100µ
        "tickcolor": colours.border,
        "tickfont": {"size": 11, "color": colours.dimmed},
        "title": {"font": {"size": 12, "color": colours.dimmed}},
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": colours.ink},
            "paper_bgcolor": colours.card,
            "plot_bgcolor": colours.card,
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": colours.card,
                "bordercolor": colours.border,
                "font": {"family": FONT, "size": 12, "color": colours.ink},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours.dimmed,
                "activecolor": colours.accent,
            },
        }
    }


def swaps() -> dict[str, str]:
    """Which dark colour stands for which light one."""
    dark = asdict(DARK)
    return {light: dark[name] for name, light in asdict(LIGHT).items()} | run_swaps()


def css_variables() -> str:
    """The palettes as CSS custom properties; `data-scheme` on the root element chooses one."""
    return (
        f":root{{color-scheme:light;--font:{FONT};{_declare(LIGHT)}}}\n"
        f':root[data-scheme="dark"]{{color-scheme:dark;{_declare(DARK)}}}\n'
        "@media (prefers-color-scheme: dark){:root:not([data-scheme])"  # before any script has run
        f"{{color-scheme:dark;{_declare(DARK)}}}}}\n"
        f"@media print{{:root,:root[data-scheme]{{color-scheme:light;{_declare(LIGHT)}}}}}\n"
    )


def _declare(colours: Palette) -> str:
    return "".join(f"--{name}:{value};" for name, value in asdict(colours).items())


def safe(name: str) -> str:
    """A name as plotly text: shown letter by letter, never read as markup or as a template.

    Plotly keeps styles (and so URLs) inside tags and fills in `%{...}`: neither may come from a
    name. Quotes stay as they are: plotly does not know `&quot;`.
    """
    visible = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return html.escape(visible, quote=False).replace("%{", "%\u200b{")
