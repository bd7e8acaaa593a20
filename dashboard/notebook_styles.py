"""Styles for notebooks, set on each element: they inherit ink and paper, light or dark.

A notebook's own style sheet, and whatever cleans the HTML of notebooks that are not trusted, leave
such styles as they are.
"""

from __future__ import annotations

from dataclasses import replace

from dashboard.markup import Element
from dashboard.theme import FONT, LIGHT

LINE = "rgba(128,128,128,0.35)"
SUNKEN = "rgba(128,128,128,0.12)"
DIM = "opacity:0.75"
CODE = "ui-monospace,Menlo,Consolas,monospace"
MARKS = {"error": LIGHT.error, "warning": LIGHT.warning, "hint": LIGHT.hint, "good": LIGHT.good}
STATES = {"running": LIGHT.good, "failed": LIGHT.error, "killed": LIGHT.error}

TAGS = {
    "header": "display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 12px",
    "h2": "margin:0;font-size:17px;font-weight:650;overflow-wrap:anywhere",
    "h3": "margin:0;font-size:15px;font-weight:620;overflow-wrap:anywhere",
    "p": "margin:6px 0;overflow-wrap:anywhere;max-width:90ch",
    "ul": "margin:6px 0;padding-left:22px",
    "li": "margin:3px 0;overflow-wrap:anywhere",
    "dl": "display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 16px;margin:8px 0",
    "dt": f"margin:0;padding:0;float:none;width:auto;font-weight:400;white-space:nowrap;{DIM}",
    "dd": "margin:0;padding:0;float:none;width:auto;overflow-wrap:anywhere",
    "pre": f"margin:8px 0;padding:8px 12px;border-radius:6px;background:{SUNKEN};color:inherit;"
    f"font-family:{CODE};font-size:12.5px;white-space:pre;overflow-x:auto",
    "code": f"font-family:{CODE};font-size:12.5px;background:none;color:inherit",
    "table": "border-collapse:collapse;margin:8px 0;font-size:13px;border:0;table-layout:auto",
    "tr": "background:none",
    "th": f"padding:3px 24px 3px 0;text-align:left;font-weight:500;border:0;{DIM}",
    "td": f"padding:3px 24px 3px 0;text-align:left;border:0;border-top:1px solid {LINE}",
    "details": "margin:6px 0",
    "summary": "cursor:pointer",
    "strong": "font-weight:620",
}
KINDS = {
    "shown": f"font-family:{FONT};font-size:14px;line-height:1.45;max-width:1100px;"
    f"padding:12px 16px;border:1px solid {LINE};border-radius:8px",
    "verdict": "padding:2px 0 2px 12px;margin:10px 0",
    "state": f"font-size:12.5px;padding:0 8px;border:1px solid {LINE};border-radius:99px",
    "dot": "display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:6px;"
    "background:rgb(128,128,128)",
    "badge": "display:inline-block;font-size:12px;font-weight:600;padding:0 8px;"
    "margin-right:6px;border-radius:99px;color:#fff;white-space:nowrap",
    "symptom": "display:block",
    "notice": f"padding:4px 12px;border-left:3px solid {LIGHT.warning};background:{SUNKEN}",
    "icon": "font-weight:700;margin-right:6px",
    "because": f"margin-left:6px;{DIM}",
    "question": DIM,
    "caption": f"font-size:13px;{DIM}",
    "limit": DIM,
    "number": "font-weight:620;font-variant-numeric:tabular-nums",
    "told": "list-style:none;padding-left:0",
    "wide": "overflow-x:auto",
}


def styled(node: Element | str) -> Element | str:
    """The same tree, each element with the styles of its tag and its kinds; the classes go."""
    if isinstance(node, str):
        return node
    kinds = node.kind.split()
    found = [TAGS.get(node.tag, ""), *(KINDS.get(kind, "") for kind in kinds), _mark(kinds)]
    style = ";".join(part for part in (*found, node.attributes.get("style", "")) if part)
    attributes = {**node.attributes, "style": style} if style else node.attributes
    inside = tuple(styled(_marked(child, kinds)) for child in node.inside)
    return replace(node, kind="", inside=inside, attributes=attributes)


def _mark(kinds: list[str]) -> str:
    """The colour of a severity: behind its badge, at the edge of its card."""
    colour = next((MARKS[kind] for kind in kinds if kind in MARKS), "")
    if "badge" in kinds:
        return f"background:{colour or 'rgb(110,110,110)'}"
    return f"border-left:3px solid {colour}" if colour and "verdict" in kinds else ""


def _marked(child: Element | str, kinds: list[str]) -> Element | str:
    """The dot of a state has the state's colour."""
    if isinstance(child, str) or child.kind != "dot":
        return child
    colour = next((STATES[kind] for kind in kinds if kind in STATES), "")
    return replace(child, attributes={"style": f"background:{colour}"}) if colour else child
