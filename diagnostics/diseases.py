"""Prints a page about every disease: `python -m diagnostics.diseases > docs/diseases.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from diagnostics.rules import consequences, documentation
from diagnostics.slugs import in_words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEAD = """# Diseases

What `fathom doctor` looks for in a recording. Each finding bears one of these names; each name has
its page here: what is looked at, why it is bad, where it comes from, what to do, and what cannot be
seen. A threshold is changed with a file of your own:

    fathom doctor runs/digits --thresholds mine.toml

where `mine.toml` says, under the disease's name, what is to be otherwise:

    [vanishing_gradient]
    first_to_last = 0.001

A disease that another one explains is told as its consequence.

This page is made from the rules: `python -m diagnostics.diseases > docs/diseases.md`.
"""
THRESHOLDS = Path(__file__).with_name("thresholds.toml")
Limits = dict[str, dict[str, Any]]  # of each threshold its "value" and "from"


def page() -> str:
    """A table of contents, and a section for each disease."""
    docs, explained = documentation(), consequences()
    limits = tomllib.loads(THRESHOLDS.read_text(encoding="utf-8"))
    contents = "".join(f"- {_link(slug)}: {_first_line(doc)}\n" for slug, doc in docs.items())
    sections = (_section(slug, doc, explained[slug], limits[slug]) for slug, doc in docs.items())
    return f"{HEAD}\n{contents}{''.join(sections)}"


def _section(slug: str, doc: str, explained: Iterable[str], limits: Limits) -> str:
    parts = [f"\n## {in_words(slug)}", f"`{slug}`", doc.strip(), _thresholds(limits)]
    if links := ", ".join(_link(other) for other in explained):
        parts.append(f"**What it explains.** {links}")
    return "\n\n".join(parts) + "\n"


def _thresholds(limits: Limits) -> str:
    rows = "".join(_row(name, entry) for name, entry in limits.items())
    return f"| Threshold | Value | Where it comes from |\n| --- | ---: | --- |\n{rows}".rstrip()


def _row(name: str, entry: dict[str, Any]) -> str:
    origin = str(entry["from"]).replace("|", "\\|")
    return f"| `{name}` | {entry['value']:g} | {origin} |\n"


def _link(slug: str) -> str:
    return f"[{in_words(slug)}](#{in_words(slug).lower().replace(' ', '-')})"


def _first_line(doc: str) -> str:
    return " ".join(doc.strip().partition("\n\n")[0].split())


if __name__ == "__main__":
    print(page(), end="")
