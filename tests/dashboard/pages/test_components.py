"""Elements become components of the same kind; text stays text."""

from __future__ import annotations

from dash import dcc, html

from dashboard.markup import element
from dashboard.pages.components import component
from tests.dashboard.samples import HOSTILE


def test_a_tree() -> None:
    built = component(element("ul", "quiet", element("li", "", HOSTILE), element("li", "", "b")))
    assert isinstance(built, html.Ul)
    assert built.className == "quiet"
    assert built.children[0].children == [HOSTILE]


def test_a_link_stays_inside_the_page() -> None:
    assert isinstance(component(element("a", "", "x", href="?run=x")), dcc.Link)


def test_a_place_of_the_page_is_gone_to() -> None:
    built = component(element("a", "", "x", href="#gradient_flow"))
    assert isinstance(built, html.A)
    assert built.href == "#gradient_flow"


def test_attributes_arrive() -> None:
    bar = component(element("progress", "", value="3", max="10"))
    assert (bar.value, bar.max) == ("3", "10")  # type: ignore[union-attr]
