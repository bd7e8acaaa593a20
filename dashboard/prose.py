"""Text as rules write it, as elements: paragraphs, words in bold, and code that is set in."""

from __future__ import annotations

import re
from itertools import groupby
from textwrap import dedent

from dashboard.markup import Element, element

_BOLD = re.compile(r"\*\*(.+?)\*\*")


def prose(text: str) -> list[Element]:
    """Lines set in by four blanks are code, as in Markdown; an empty line ends a paragraph."""
    found: list[Element] = []
    for kind, lines in groupby(text.strip("\n").splitlines(), key=_kind):
        if kind == "code":
            found.append(element("pre", "", dedent("\n".join(lines))))
        elif kind == "words":
            found.append(element("p", "", *_marked(" ".join(lines))))
    return found


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    return "code" if line.startswith("    ") else "words"


def _marked(text: str) -> list[Element | str]:
    """Between two pairs of stars: bold."""
    parts = _BOLD.split(text)
    pieces = [element("strong", "", part) if n % 2 else part for n, part in enumerate(parts)]
    return [piece for piece in pieces if piece]
