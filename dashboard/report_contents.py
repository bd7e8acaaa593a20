"""What leads into a report: its runs side by side, each with its verdicts, and all its chapters."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.markup import Element, element
from dashboard.overview import known, state_badge
from dashboard.report_curve import loss_course
from dashboard.report_run import Part, ReportedRun
from dashboard.verdicts import ICONS
from dashboard.wording import count, words

MOST = 4  # verdicts of a run that are named; the others are counted
TOLD = ("Steps", "Last")  # facts that begin like this are told of each run at once


def contents(runs: Sequence[ReportedRun]) -> Element:
    """Every run, chapter and panel, as links; it opens and closes on a narrow page."""
    lists = [_chapters(shown, named=len(runs) > 1) for shown in runs]
    summary = element("summary", "", "Contents")
    folded = element("details", "", summary, *lists, open="", id="contents")
    kind = "contents several" if len(runs) > 1 else "contents"  # only the run looked at is told
    return element("nav", kind, folded, **{"aria-label": "Contents"})


def side_by_side(runs: Sequence[ReportedRun]) -> Element | None:
    """All runs at one glance; of one alone its own header says the same."""
    if len(runs) < 2:
        return None
    title = element("h1", "", count(len(runs), "run"), id="runs-title")
    cards = [_card(shown) for shown in runs]
    told = {"aria-labelledby": "runs-title"}
    return element("section", "side-by-side", title, element("div", "cards", *cards), **told)


def badges(shown: ReportedRun) -> Element:
    """What the doctor found, each cause with its sign and name, leading to its evidence."""
    return element("p", "findings", *_badges(shown))


def _card(shown: ReportedRun) -> Element:
    name = element("a", "name", shown.run.name, href=f"#{shown.anchor}")
    facts = [
        element("div", "", element("dt", "", term), element("dd", "", told))
        for term, told in known(shown.run).items()
        if term.startswith(TOLD)
    ]
    head = element("header", "", name, state_badge(shown.run.state))
    course = loss_course(shown.run)
    return element("article", "card", head, badges(shown), course, element("dl", "", *facts))


def _badges(shown: ReportedRun) -> list[Element]:
    if isinstance(shown.told, Exception):
        return [_badge(shown, "warning", "!", "Could not be judged")]
    causes = [finding for finding in shown.told.findings if not finding.because_of]
    found = [
        _badge(shown, each.severity, ICONS[each.severity], words(each.disease)) for each in causes
    ]
    more = len(causes) - MOST
    rest = [element("span", "more", f"and {more} more")] if more > 0 else []
    if not found and shown.told.passed:
        return [_badge(shown, "good", "✓", "No findings")]
    return found[:MOST] + rest


def _badge(shown: ReportedRun, kind: str, sign: str, told: str) -> Element:
    icon = element("span", "icon", sign, **{"aria-hidden": "true"})
    return element("a", f"badge {kind}", icon, told, href=f"#{shown.verdicts_place}")


def _chapters(shown: ReportedRun, *, named: bool) -> Element:
    name = element("a", "of-run", shown.run.name, href=f"#{shown.anchor}") if named else None
    items = [_chapter(shown, part) for part in shown.parts]
    return element("div", "", name, element("ul", "", *items))


def _chapter(shown: ReportedRun, part: Part) -> Element:
    inside = [
        element("li", "", element("a", "", panel.title, href=f"#{shown.place(panel)}"))
        for panel in part.panels
    ]
    link = element("a", "" if inside else "bare", part.chapter.title, href=f"#{part.place}")
    return element("li", "", link, element("ul", "", *inside) if inside else None)
