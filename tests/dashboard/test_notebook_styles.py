"""Styles stand on the elements themselves, and no colour takes ink or paper for granted."""

from __future__ import annotations

from dashboard.markup import Element, element
from dashboard.notebook_styles import KINDS, TAGS, styled
from dashboard.overview import state_badge
from dashboard.theme import LIGHT
from dashboard.verdicts import badge, card
from tests.dashboard.samples import make_finding


def all_of(node: Element | str) -> list[Element]:
    if isinstance(node, str):
        return []
    return [node, *(each for child in node.inside for each in all_of(child))]


def style(node: Element | str) -> str:
    assert isinstance(node, Element)
    return node.attributes.get("style", "")


def test_no_class_is_left_and_every_text_is() -> None:
    told = card(make_finding())
    found = all_of(styled(told))
    assert len(found) == len(all_of(told))
    assert all(each.kind == "" for each in found)
    texts = [child for each in found for child in each.inside if isinstance(child, str)]
    assert texts == [c for each in all_of(told) for c in each.inside if isinstance(c, str)]


def test_tag_kind_and_own_style_add_up() -> None:
    node = styled(element("p", "caption", "x", style="color:red", id="here"))
    assert style(node) == f"{TAGS['p']};{KINDS['caption']};color:red"
    assert isinstance(node, Element)
    assert node.attributes["id"] == "here"


def test_a_severity_is_behind_its_badge_and_at_its_cards_edge() -> None:
    assert style(styled(badge("warning"))).endswith(f"background:{LIGHT.warning}")
    assert f"border-left:3px solid {LIGHT.error}" in style(styled(card(make_finding())))


def test_a_state_has_its_colour() -> None:
    dots = [all_of(styled(state_badge(state)))[1] for state in ("failed", "finished")]
    assert f"background:{LIGHT.error}" in style(dots[0])
    assert LIGHT.error not in style(dots[1])


def test_ink_is_the_notebooks_own_but_on_a_badge() -> None:
    for name, written in (TAGS | KINDS).items():
        colours = [p for p in written.split(";") if p.startswith("color:")]
        assert colours in ([], ["color:inherit"]) or name == "badge"
