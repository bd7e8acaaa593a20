"""Named numbers beside a picture: value, error, and what each means, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.markup import Element, element
from dashboard.wording import number


@dataclass(frozen=True)
class Named:
    """One number under its own name."""

    name: str
    value: float | str
    meaning: str
    error: float = math.nan  # standard error, or half-width where the meaning says so


def table(numbers: Sequence[Named]) -> Element | None:
    """A quiet table that opens on a click; None where there is nothing in it."""
    if not numbers:
        return None
    rows = [
        element(
            "tr",
            "",
            element("td", "", each.name),
            element("td", "number", written(each)),
            element("td", "limit", each.meaning),
        )
        for each in numbers
    ]
    summary = element("summary", "", f"Numbers ({len(rows)})")
    return element("details", "quiet numbers", summary, _scrolled(rows))


def _scrolled(rows: list[Element]) -> Element:
    return element("div", "wide", element("table", "", element("tbody", "", *rows)))


def written(each: Named) -> str:
    """The value and its error; what is not known says so."""
    if isinstance(each.value, str):
        return each.value
    if math.isnan(each.value):
        return "not told"
    if math.isinf(each.value):
        return "none found" if each.value > 0 else number(each.value)
    error = f" ± {number(each.error)}" if math.isfinite(each.error) else ""
    return number(each.value) + error
