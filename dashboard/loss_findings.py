"""Where on a loss each finding was first seen: a named sign, on a line down through the curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from dashboard.first_seen import Seen
from dashboard.theme import Palette, safe
from dashboard.wording import words
from diagnostics.finding import Severity

Trace = dict[str, Any]

LEVELS = 5  # causes that have a line of their own; those beyond share the last, without a name
TOP, APART = 0.86, 0.1  # of the chart's height: the first cause, and how far below it is the next
SYMBOLS: dict[Severity, str] = {"error": "x", "warning": "triangle-up", "hint": "circle"}
SIZES = {True: 11, False: 7}  # of a cause, and of what it brings


def findings(told: Sequence[Seen], span: Sequence[float], colours: Palette) -> list[Trace]:
    """A trace of each severity. `span`: the steps that the axis shows."""
    levels = _levels(told)
    kinds = [each for each in get_args(Severity) if any(seen.severity == each for seen in told)]
    return [
        _marks([pair for pair in levels if pair[0].severity == kind], span, colours)
        for kind in kinds
    ]


def _levels(told: Sequence[Seen]) -> list[tuple[Seen, int]]:
    """What a cause brings stands on its line."""
    level, found = -1, []
    for seen in told:
        level += not seen.because_of
        found.append((seen, max(0, level)))
    return found


def _marks(placed: Sequence[tuple[Seen, int]], span: Sequence[float], colours: Palette) -> Trace:
    """Named towards the side on which there is more room."""
    severity = placed[0][0].severity
    colour = getattr(colours, severity)
    steps = np.clip([seen.step for seen, _ in placed], span[0], span[1])
    heights = [TOP - APART * min(level, LEVELS - 1) for _, level in placed]
    is_early = steps < (span[0] + span[1]) / 2
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"{severity}, first seen",
        "x": steps,
        "y": heights,
        "text": [_name(seen, level) for seen, level in placed],
        "textposition": ["middle right" if early else "middle left" for early in is_early],
        "textfont": {"color": colour, "size": 12},
        "hovertext": [_told(seen) for seen, _ in placed],
        "customdata": [seen.step for seen, _ in placed],
        "marker": {
            "symbol": SYMBOLS[severity],
            "size": [SIZES[not seen.because_of] for seen, _ in placed],
            "color": colour,
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [0] * len(placed),
            "arrayminus": heights,
            "thickness": 1,
            "width": 0,
            "color": colour,
        },
        "showlegend": False,
        "cliponaxis": False,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _name(seen: Seen, level: int) -> str:
    is_named = not seen.because_of and level < LEVELS
    return f" {safe(words(seen.disease))} " if is_named else ""


def _told(seen: Seen) -> str:
    because = f"<br>because of: {safe(words(seen.because_of))}" if seen.because_of else ""
    head = f"<b>{safe(words(seen.disease))}</b> ({seen.severity})"
    return f"{head}<br>first seen at step {seen.step:,}{because}<br>{_folded(seen.symptom)}"


def _folded(symptom: str, letters: int = 60) -> str:
    """A hover does not break its lines by itself."""
    lines = [""]
    for word in symptom.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "<br>".join(safe(line) for line in lines)
