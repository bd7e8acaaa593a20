"""Charts side by side in rows, each with a legend of its own; in one column on a narrow page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.scores.marks import Layout, Trace, on

AXIS = 60  # pixels below a chart: ticks and title
HEADLINE, MARGIN = 34, 14
LINE, LETTER, MARK = 20, 6.4, 46  # pixels: of a legend's line, of a letter, of what is before it
NARROW = 250  # pixels that a narrow page has for a legend: as wide as its chart
LEFT, RIGHT, WHOLE = [0.0, 0.46], [0.56, 1.0], [0.0, 1.0]


@dataclass(frozen=True)
class Pane:
    """One chart with axes of its own."""

    axis: str  # their suffix: "" or a number
    height: int  # pixels
    x: Layout
    y: Layout
    marks: list[Trace]

    @property
    def traces(self) -> list[Trace]:
        return on(self.axis, *self.marks, legend=f"legend{self.axis}")

    def legend_lines(self, *, narrow: bool) -> int:
        """Names are short enough for one line of a wide page; side by side all get equal room."""
        names = [mark["name"] for mark in self.marks if mark.get("showlegend", True)]
        if not names or not narrow:
            return min(1, len(names))
        wide = [len(name) * LETTER + MARK for name in names]
        beside = len(names) if sum(wide) < NARROW else max(1, int(NARROW // max(wide)))
        return -(-len(names) // beside)


def arranged(rows: Sequence[Sequence[Pane]]) -> Layout:
    """Axes, legends and heights, and how they are on a narrow page."""
    panes = [pane for row in rows for pane in row]
    found = _placed(rows, narrow=False)
    for pane in panes:
        across, up, legend = (f"{each}{pane.axis}" for each in ("xaxis", "yaxis", "legend"))
        found[across] |= {"anchor": f"y{pane.axis}"} | pane.x
        found[up] |= {"anchor": f"x{pane.axis}"} | pane.y
        found[legend] |= {
            "orientation": "h",
            "xanchor": "left",
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        }
    return found | {"meta": {"narrow": _placed([[pane] for pane in panes], narrow=True)}}


def _placed(rows: Sequence[Sequence[Pane]], *, narrow: bool) -> Layout:
    """Pixels from the top, as shares of all that lies between the margins."""
    above = [LINE * max(p.legend_lines(narrow=narrow) for p in row) + MARGIN for row in rows]
    heights = [max(pane.height for pane in row) for row in rows]
    whole = sum(heights) + sum(above[1:]) + AXIS * (len(rows) - 1)
    top = above[0] + HEADLINE
    found: Layout = {"height": whole + top + AXIS, "margin": {"t": top, "b": AXIS}}
    start = 0
    for row, room, height in zip(rows, [0, *above[1:]], heights, strict=True):
        start += room
        span = [max(0.0, 1 - (start + height) / whole), 1 - start / whole]
        domains = [LEFT, RIGHT] if len(row) > 1 else [WHOLE]
        for pane, domain in zip(row, domains, strict=True):
            found[f"xaxis{pane.axis}"] = {"domain": domain}
            found[f"yaxis{pane.axis}"] = {"domain": span}
            found[f"legend{pane.axis}"] = {"x": domain[0], "y": span[1]}
        start += height + AXIS
    return found
