"""The list of runs to choose from, and what to say when there are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from dashboard.markup import Element, element
from dashboard.overview import STATES
from dashboard.wording import count

if TYPE_CHECKING:
    from diagnostics.runs import RunSummary


def named(search: str | None, summaries: Sequence[RunSummary]) -> str | None:
    """The run an address asks for, or the first; a name nobody has is passed on to be refused."""
    asked = parse_qs((search or "").lstrip("?")).get("run")
    if asked:
        return asked[0]
    return summaries[0].name if summaries else None


def choices(summaries: Sequence[RunSummary], chosen: str | None) -> Element:
    """One link a run, with its state in colour and in words."""
    links = [_choice(summary, summary.name == chosen) for summary in summaries]
    return element("div", "", element("h2", "", count(len(links), "run")), *links)


def _choice(summary: RunSummary, chosen: bool) -> Element:
    state = STATES.get(summary.state, summary.state)
    return element(
        "a",
        f"choice {summary.state}" + (" chosen" if chosen else ""),
        element("span", "dot"),
        element("span", "name", summary.name),
        element("span", "more", f"{state} · {count(summary.steps, 'step')}"),
        href=f"?run={quote(summary.name, safe='/')}",
        title=summary.name,
    )


def empty(root: Path) -> Element:
    """What to do when there is no run yet."""
    return element(
        "div",
        "empty",
        element("h2", "", "No runs here yet"),
        element("p", "", f"Fathom watches {root.absolute()}. A run appears as soon as one starts:"),
        element(
            "pre",
            "",
            "from probes import Recorder\n\n"
            f'with Recorder(model, optimizer, "{root / "my-run"}") as recorder:\n'
            "    …  # the training loop, with recorder.log(loss=loss) at each step",
        ),
        element("p", "", "Or let Fathom train two small networks: fathom demo"),
    )
