"""Elements of a page as dash components."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.markup import Element


def component(node: Element | str) -> Component | str:
    """The tree as dash components; a link stays inside the app, or goes to a place of its page."""
    if isinstance(node, str):
        return node
    inside = [component(child) for child in node.inside]
    if node.tag == "a" and not node.attributes.get("href", "").startswith("#"):
        return dcc.Link(inside, className=node.kind, **node.attributes)  # type: ignore[arg-type]
    build_one: Any = getattr(html, node.tag.capitalize())
    built: Component = build_one(inside, className=node.kind or None, **node.attributes)
    return built
