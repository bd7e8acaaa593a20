"""Last and best values of several runs side by side, as elements of a page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dashboard.comparison.tables import NOTHING, row, table
from dashboard.markup import Element, element
from dashboard.wording import number
from diagnostics.common_place import CommonPlace
from diagnostics.run_values import RunValues, Value, ValueRow


def values_table(
    found: RunValues, places: Sequence[CommonPlace] = (), unit: str = "step"
) -> Element:
    """The best of each row stands out; where a run went on for longer, a fair moment is beside."""
    if not found.rows:
        return element("p", "caption", "None of these runs has logged anything yet.")
    fair = {each.name: each for each in places if each.place > 0 and not each.is_end}
    rows = [_row(each, fair.get(each.name), unit) for each in found.rows]
    return table("Last, and best", found.runs, rows)


def _row(found: ValueRow, fair: CommonPlace | None, unit: str) -> Element:
    cells = [
        _cell(value, found.winner == place, _fair(fair, place, unit))
        for place, value in enumerate(found.values)
    ]
    return row(found.name, cells)


def _fair(fair: CommonPlace | None, run: int, unit: str) -> str:
    """What it had where the shortest of them ended."""
    if fair is None or math.isnan(fair.values[run]):
        return ""
    where = {"step": f"step {fair.place:,.0f}", "seconds since its start": f"{fair.place:.4g} s"}
    return f"{number(fair.values[run])} at {where.get(unit, f'{number(fair.place)} {unit}')}"


def _cell(value: Value | None, is_best: bool, fair: str) -> Element:
    if value is None:
        return element("td", "none", NOTHING)
    best = f"best {number(value.best)} at step {value.best_step:,}" if value.best_step >= 0 else ""
    return element(
        "td",
        "winner" if is_best else "",
        element("span", "last", number(value.last)),
        element("span", "best", best),
        element("span", "fair", fair) if fair else None,
    )
