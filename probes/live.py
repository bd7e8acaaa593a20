"""How a recording goes, as a small table for notebooks: HTML in the notebook's own colours."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Protocol

from probes.folder import OWN_SCALARS, SUMMARY, FathomError, read_json

SHOWN = 12  # of the last scalars; a training may log hundreds

TABLE = "border-collapse:collapse;font-family:system-ui,sans-serif;font-size:13px;color:inherit"
CELL = "text-align:left;padding:2px 12px 2px 0;border:0;background:none;color:inherit"
FAINT = f"{CELL};font-weight:normal;opacity:.65;white-space:nowrap"
FIGURE = f"{CELL};font-variant-numeric:tabular-nums"


class Recording(Protocol):
    """What is asked of a Recorder."""

    @property
    def path(self) -> Path: ...
    @property
    def steps(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def overhead(self) -> float: ...


def summary_html(recorder: Recording) -> str:
    """State, steps, cost and the last scalars; what the run folder does not say yet is left out."""
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{FAINT}">{escape(name)}</th>'
        f'<td style="{FIGURE}">{escape(text)}</td></tr>'
        for name, text in _rows(recorder, _summary(recorder.path))
    )
    return f'<table style="{TABLE}"><tbody>{rows}</tbody></table>'


def _summary(path: Path) -> dict[str, Any]:
    try:
        return read_json(path / SUMMARY)
    except FathomError:
        return {}


def _rows(recorder: Recording, summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "state" in summary:
        yield "state", str(summary["state"])
    yield "steps", f"{recorder.steps:,}"
    yield "recorded", f"{recorder.records:,}"
    yield "cost", f"{recorder.overhead:.1%} of training time"
    yield from _scalars(summary.get("scalars"))
    if dropped := summary.get("dropped"):
        yield "dropped", f"{dropped} rows could not be written"
    yield "folder", str(recorder.path)


def _scalars(scalars: Any) -> Iterator[tuple[str, str]]:
    """The last value of each; one that is not finite is kept as a word."""
    if not isinstance(scalars, dict):
        return
    scalars = {name: v for name, v in scalars.items() if not str(name).startswith(OWN_SCALARS)}
    for name, value in list(scalars.items())[:SHOWN]:
        yield name, f"{value:.5g}" if isinstance(value, (int, float)) else str(value)
    if len(scalars) > SHOWN:
        yield "", f"and {len(scalars) - SHOWN} more"
