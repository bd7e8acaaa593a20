"""A page as a tree of elements: the report writes it as HTML, the app as components."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Element:
    """One element; its text is always text, never markup."""

    tag: str
    kind: str = ""  # its CSS classes
    inside: tuple[Element | str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


def element(tag: str, kind: str = "", *inside: Element | str | None, **attributes: str) -> Element:
    """An element; a child that is None is left out."""
    kept = tuple(child for child in inside if child is not None)
    return Element(tag, kind, kept, attributes)


def to_html(node: Element | str) -> str:
    """The tree as HTML."""
    if isinstance(node, str):
        return html.escape(node)
    named = {"class": node.kind, **node.attributes} if node.kind else dict(node.attributes)
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in named.items())
    return f"<{node.tag}{written}>{''.join(map(to_html, node.inside))}</{node.tag}>"
