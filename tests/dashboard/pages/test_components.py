"""Elements become components of the same kind; text stays text."""

from __future__ import annotations

from dash import html

from dashboard.markup import element
from dashboard.pages.components import component
from tests.dashboard.samples import HOSTILE


def test_a_tree() -> None:
    built = component(element("ul", "quiet", element("li", "", HOSTILE), element("li", "", "b")))
    assert isinstance(built, html.Ul)
    assert built.className == "quiet"
    assert built.children[0].children == [HOSTILE]


def test_a_link_is_a_link() -> None:
    built = component(element("a", "", "x", href="?page=layers#gradient_flow"))
    assert isinstance(built, html.A)
    assert built.href == "?page=layers#gradient_flow"


def test_attributes_arrive() -> None:
    bar = component(element("progress", "", value="3", max="10"))
    assert (bar.value, bar.max) == ("3", "10")  # type: ignore[union-attr]
