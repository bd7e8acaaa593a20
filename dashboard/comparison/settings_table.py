"""How runs were set, as elements of a page: what differs, and behind a fold all the rest."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.comparison.tables import NOTHING, row, table
from dashboard.markup import Element, element
from dashboard.wording import count
from diagnostics.run_settings import Setting


def settings_table(runs: Sequence[str], settings: Sequence[Setting]) -> Element:
    """What differs first; a setting that a run does not have is a dash."""
    unlike = [each for each in settings if each.differs]
    alike = [each for each in settings if not each.differs]
    if unlike:
        shown: Element = table("Differs", runs, _rows(unlike))
    else:
        shown = element("p", "caption", "Nothing that was recorded of their settings differs.")
    return element("div", "settings", shown, _fold(alike))


def _fold(alike: Sequence[Setting]) -> Element | None:
    if not alike:
        return None
    rows = [row(_name(each), [element("td", "", each.values[0] or NOTHING)]) for each in alike]
    head = element("thead", "", element("tr", "", *(element("th", "", t) for t in ("", "all"))))
    inner = element("table", "compared", head, element("tbody", "", *rows))
    summary = element("summary", "", f"{count(len(alike), 'setting')} that all share")
    return element("details", "quiet", summary, element("div", "wide", inner))


def _rows(settings: Sequence[Setting]) -> list[Element]:
    return [
        row(_name(each), [element("td", "", value or NOTHING) for value in each.values])
        for each in settings
    ]


def _name(setting: Setting) -> Element:
    return element(
        "span", "", element("span", "group", setting.group), element("span", "", setting.name)
    )
