"""What the page of a comparison says while there is nothing to compare."""

from __future__ import annotations

from dashboard.markup import Element, element


def invitation(chosen: int) -> Element:
    """How to come by a second run, or by the first two."""
    title = "Add a second run" if chosen else "Choose runs to compare"
    return element(
        "div",
        "empty",
        element("h2", "", title),
        element(
            "p",
            "",
            "Type a run's name into the field above, or mark several in the table of all ",
            element("a", "", "runs", href="?page=runs"),
            ". What they logged is drawn over one another; below stand the first step at which "
            "they part, by layer, and the settings that differ.",
        ),
        element("p", "", "Or in the terminal:"),
        element("pre", "", "fathom compare runs/first runs/second"),
    )
