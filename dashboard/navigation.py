"""The way around the app: its pages, the runs to choose from, and light or dark."""

from __future__ import annotations

from pathlib import Path

from dashboard.chapters import CHAPTERS
from dashboard.markup import Element, element

BEFORE = (("runs", "Runs"),)
AFTER = (("compare", "Compare"), ("ask", "Ask"))
PAGES = (*BEFORE, *((each.name, each.title) for each in CHAPTERS), *AFTER)


def top(root: Path) -> Element:
    """The bar above everything."""
    return element(
        "header",
        "top",
        element("span", "brand", "Fathom"),
        element(
            "input",
            "chooser",
            id="chooser",
            type="search",
            list="run-names",
            title=f"Runs under {root}",
            placeholder="choose a run",
            autocomplete="off",
            **{"aria-label": "Run"},
        ),
        element("datalist", "", id="run-names"),
        element("button", "scheme", "◐", id="toggle", title="Light or dark", type="button"),
    )


def pages() -> Element:
    """Every page, as a link that keeps the run."""
    links = (
        element("a", "page-link", title, href=f"?page={name}", **{"data-page": name})
        for name, title in PAGES
    )
    return element("nav", "sidebar", *links, id="pages", **{"aria-label": "Pages"})
