"""What a row of several runs' values looks like: the same head and the same cells everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.markup import Element, element

NOTHING = "\u2013"  # where a run has no such value


def table(title: str, runs: Sequence[str], rows: Sequence[Element]) -> Element:
    """A column for each run, in its colour; it scrolls by itself on a narrow page."""
    heads = [
        element("th", f"run-{n % 8}", element("span", "swatch"), element("span", "", name))
        for n, name in enumerate(runs)
    ]
    head = element("thead", "", element("tr", "", element("th", "", title), *heads))
    body = element("tbody", "", *rows)
    return element("div", "wide", element("table", "compared", head, body), tabIndex="0")


def row(name: Element | str, cells: Sequence[Element], kind: str = "") -> Element:
    """What it is of, then one cell for each run."""
    return element("tr", kind, element("th", "name", name, scope="row"), *cells)
