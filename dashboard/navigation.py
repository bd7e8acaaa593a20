"""The way around the app: its pages, the runs to choose from, and light or dark."""

from __future__ import annotations

from pathlib import Path

from dashboard.chapters import CHAPTERS
from dashboard.markup import Element, element

BEFORE = (("runs", "Runs"),)
AFTER = (("compare", "Compare"), ("ask", "Ask"))
ALONE = ("runs", "compare")  # pages that are of no one run
PAGES = (*BEFORE, *((each.name, each.title) for each in CHAPTERS), *AFTER)


def top(root: Path) -> Element:
    """The bar above everything."""
    return element(
        "header",
        "top",
        element("a", "skip", "Skip to the page", href="#main"),
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
        _button("ask-keys", "?", "Keys"),
        _button("scheme", "◐", "Light or dark", id="toggle"),
        element("span", "unseen", id="spoken", role="status"),
    )


def _button(kind: str, sign: str, does: str, **more: str) -> Element:
    return element("button", kind, sign, title=does, type="button", **{"aria-label": does}, **more)


def pages() -> Element:
    """Every page, as a link that keeps the run."""
    links = (_link(name, title) for name, title in PAGES)
    return element("nav", "sidebar", *links, id="pages", **{"aria-label": "Pages"})


def _link(name: str, title: str) -> Element:
    told = {"data-page": name} | ({"data-alone": ""} if name in ALONE else {})
    return element("a", "page-link", title, href=f"?page={name}", **told)
