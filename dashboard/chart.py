"""One chart of several in a figure: on axes of its own, named in a legend of its own or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.arrangement import Layout, Part
from dashboard.theme import Palette, safe
from dashboard.verdicts import ICONS
from dashboard.wording import words
from diagnostics.finding import Finding

Trace = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """What is drawn on one pair of axes."""

    part: Part
    traces: list[Trace]
    layout: Layout = field(default_factory=dict)  # that it needs beyond its axes


def chart(traces: list[Trace], part: Part) -> Chart:
    """On the axes of that part, in whose legend it finds its names."""
    own: Trace = {"xaxis": f"x{part.axis}", "yaxis": f"y{part.axis}"}
    if not part.legend:
        return Chart(part, [trace | own | {"showlegend": False} for trace in traces])
    names = tuple(trace["name"] for trace in traces if trace.get("showlegend", True))
    placed = [trace | own | {"legend": part.legend} for trace in traces]
    return Chart(replace(part, names=names), placed)


def all_traces(charts: Sequence[Chart]) -> list[Trace]:
    return [trace for one in charts for trace in one.traces]


def titled(text: str) -> Layout:
    """An axis."""
    return {"title": {"text": text, "standoff": 8}}


def headline(findings: Sequence[Finding], colours: Palette) -> Layout:
    """The worst that was found, before anyone reads a number off the charts; nothing if fine."""
    if not findings:
        return {}
    worst, others = findings[0], len(findings) - 1
    more = f", and {others} more" if others else ""
    text = f"<b>{ICONS[worst.severity]} {safe(words(worst.disease))}{more}</b>"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container"}
    place |= {"yanchor": "top", "pad": {"t": 8}}
    colour = getattr(colours, worst.severity)
    return {"text": text, "font": {"size": 13, "color": colour}} | place
