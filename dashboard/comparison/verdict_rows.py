"""Which diseases several runs have, as elements of a page: what differs comes first."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.comparison.tables import row, table
from dashboard.markup import Element, element
from dashboard.verdicts import ICONS
from dashboard.wording import words
from diagnostics.finding import SEVERITIES
from diagnostics.verdict_table import Standing, VerdictRow

SAID = {"passed": "✓ not found", "undecided": "could not judge"}


def verdict_rows(runs: Sequence[str], rows: Sequence[VerdictRow]) -> Element:
    """A sign and a word for each run."""
    if not rows:
        return element("p", "caption", "No findings in any of these runs.")
    return table("Verdict", runs, [row(words(e.disease), _cells(e)) for e in rows])


def _cells(found: VerdictRow) -> list[Element]:
    return [_cell(how) for how in found.standings]


def _cell(how: Standing) -> Element:
    if how not in SEVERITIES:
        return element("td", how, SAID[how])
    badge = element("span", f"badge {how}", element("span", "icon", ICONS[how]), how)
    return element("td", "", badge)
