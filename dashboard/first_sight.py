"""What a run's first page shows before any script of it has run: the verdicts, and the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboard.address import FIRST_PAGE
from dashboard.markup import Element, element, to_html
from dashboard.overview import meanwhile, state_badge
from dashboard.report_curve import loss_course
from dashboard.run_row import state_now
from dashboard.verdicts import badge
from dashboard.wording import words

if TYPE_CHECKING:
    from dashboard.examined import Examined
    from dashboard.open_runs import OpenRuns
    from diagnostics.doctor import Examination
    from diagnostics.run import Run


def first_sight(runs: OpenRuns, examined: Examined, query: Mapping[str, str]) -> str:
    """As HTML; nothing where something else is asked for, or cannot be read: the page tells why."""
    if query.get("page", FIRST_PAGE) != FIRST_PAGE:
        return ""
    try:
        name = query.get("run") or runs.latest()
        if not name:
            return ""
        run = runs.look(name)
        if (loss := _loss(run)) is None:
            return ""
        told = _told(examined.known(run.path), run, runs, name)
        title = element("p", "first-name", name)
        head = element("header", "first-title", title, state_badge(state_now(run)))
        shown = element("div", "first-sight", head, told, loss, id="first-sight")
    except Exception:  # the page itself says what is wrong
        return ""
    return to_html(shown).replace("{%", "{&#37;")  # dash looks for marks of its own in there


def _told(examination: Examination | None, run: Run, runs: OpenRuns, name: str) -> Element:
    if examination is None:
        return meanwhile(run, runs.summary(name).listing)
    if not examination.findings:
        return element("p", "healthy", element("span", "icon", "✓"), "No findings.")
    lines = (
        element(
            "li", "", badge(each.severity), element("strong", "", words(each.disease)), each.symptom
        )
        for each in examination.findings
        if not each.because_of
    )
    return element("ul", "first-verdicts", *lines)


def _loss(run: Run) -> Element | None:
    course = loss_course(run)
    if course is None:
        return None
    caption = element("p", "caption", course.attributes["aria-label"])
    return element("section", "panel", element("h2", "", "Loss curve"), course, caption)
