"""One run in the report: its verdicts, then chapter after chapter what its pictures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.chapters import CHAPTERS, Chapter
from dashboard.first_seen import first_seen
from dashboard.markup import Element, element
from dashboard.overview import complaint, facts, notice, notices, state_badge
from dashboard.panel import Panel, StoredPanel, panels
from dashboard.recorded import recorded_part
from dashboard.report_panels import Figures, panel_section
from dashboard.stored import not_computed
from dashboard.verdicts import telling_step, verdicts

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.run import Run


@dataclass(frozen=True)
class Part:
    """A chapter of one run, as it stands on the page."""

    chapter: Chapter
    place: str  # its id
    panels: tuple[Panel[Any], ...]  # those that have something to show
    missing: tuple[StoredPanel[Any], ...]  # those that nobody has computed yet


@dataclass(frozen=True)
class ReportedRun:
    """A run, what the doctor says of it, and where its chapters are on the page."""

    run: Run
    anchor: str
    told: Examination | Exception
    parts: tuple[Part, ...]

    def place(self, panel: Panel[Any]) -> str:
        """The id of a panel's section."""
        return f"{self.anchor}-{panel.name}"

    @property
    def verdicts_place(self) -> str:
        """The id of what the doctor says."""
        return f"{self.anchor}-verdicts"


def reported(run: Run, anchor: str) -> ReportedRun:
    """The run, examined; nothing of it is drawn yet."""
    return ReportedRun(run, anchor, _examined(run), tuple(_parts(run, anchor)))


def run_section(shown: ReportedRun, badges: Element) -> tuple[Element, Figures]:
    """All of a run, and the figures of all its panels."""
    figures: Figures = {}
    parts = [_chapter(shown, part, figures) for part in shown.parts]
    title = element("h1", "", shown.run.name)
    header = element("header", "run-title", title, state_badge(shown.run.state), badges)
    return element("article", "run", header, notices(shown.run), *parts, id=shown.anchor), figures


def _parts(run: Run, anchor: str) -> list[Part]:
    found = []
    for chapter in CHAPTERS:
        inside = sorted(
            (panel for panel in panels() if panel.chapter == chapter.name),
            key=lambda panel: (panel.place, panel.name),
        )
        missing = [each for each in inside if _is_missing(run, each)]
        there = tuple(each for each in inside if each not in missing)
        place = f"{anchor}-chapter-{chapter.name}"
        found.append(Part(chapter, place, there, tuple(missing)))  # type: ignore[arg-type]
    return found


def _is_missing(run: Run, panel: Panel[Any]) -> bool:
    return isinstance(panel, StoredPanel) and not panel.stored.finished(run)


def _chapter(shown: ReportedRun, part: Part, figures: Figures) -> Element:
    """Its panels, and in a line what is not computed yet."""
    sections = []
    for panel in part.panels:
        options = _options(panel, shown.told)
        section, drawn = panel_section(shown.place(panel), panel, shown.run, options)
        sections.append(section)
        figures |= drawn
    is_first = part.chapter is CHAPTERS[0]
    return element(
        "section",
        "part",
        element("h2", "chapter", part.chapter.title),
        element("p", "question", part.chapter.question),
        _judged(shown) if is_first else None,
        *sections,
        *(_known(shown.run) if is_first else ()),
        not_computed(shown.run, part.missing),
        id=part.place,
    )


def _judged(shown: ReportedRun) -> Element:
    """What is wrong, its evidence, and where to see it."""
    there = [panel for part in shown.parts for panel in part.panels]
    pictures = {panel.name: (panel.title, shown.place(panel)) for panel in there}
    if isinstance(shown.told, Exception):
        said = notice(complaint(shown.told))
    else:
        said = verdicts(shown.told, pictures)
    return element("div", "judged", said, id=shown.verdicts_place)


def _known(run: Run) -> tuple[Element, Element]:
    """What the run was, what was recorded of it, and at what cost."""
    try:
        return facts(run), recorded_part(run)
    except Exception as error:  # one broken part never takes the page down
        return facts(run), notice(complaint(error))


def _examined(run: Run) -> Examination | Exception:
    from diagnostics.doctor import examine

    try:
        return examine(run)
    except Exception as error:  # one broken part never takes the page down
        return error


def _options(panel: Panel[Any], told: Examination | Exception) -> dict[str, Any]:
    """A picture opens at the step its verdict speaks of, and may show where all of them began."""
    if isinstance(told, Exception):
        return {}
    known = {"step": telling_step(told, panel.name), "told": first_seen(told)}
    return {name: value for name, value in known.items() if panel.takes(name)}
