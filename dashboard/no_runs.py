"""What is said where there is no run: how to get one, or where the others are."""

from __future__ import annotations

from pathlib import Path

from dashboard.markup import Element, element
from dashboard.overview import notice

DEMO = element("code", "", "fathom demo")


def empty(root: Path) -> Element:
    """What to do when there is no run yet."""
    return element(
        "div",
        "empty",
        element("h1", "", "No runs here yet"),
        element("p", "", f"Fathom watches {root.absolute()}. A run appears as soon as one starts:"),
        element(
            "pre",
            "",
            "from probes import Recorder\n\n"
            f'with Recorder(model, optimizer, "{root / "my-run"}") as recorder:\n'
            "    …  # the training loop, with recorder.log(loss=loss) at each step",
        ),
        element("p", "", "Or let Fathom train two small networks: ", DEMO),
    )


def unknown(complaint: str) -> Element:
    """In the place of a run that there is not, or that cannot be read."""
    return element(
        "div",
        "empty",
        element("h1", "", "This run cannot be shown"),
        notice(complaint),
        element("p", "", element("a", "", "See all runs", href="?page=runs")),
    )
