"""Elements of a page as dash components."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.markup import Element


def component(node: Element | str) -> Component | str:
    """The tree as dash components; what a link does is the browser's business."""
    if isinstance(node, str):
        return node
    inside = [component(child) for child in node.inside]
    build_one: Any = getattr(html, node.tag.capitalize())
    built: Component = build_one(inside, className=node.kind or None, **node.attributes)
    return built
