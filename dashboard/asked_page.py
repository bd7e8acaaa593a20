"""What the page of questions says: what there is to ask, how far it is, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.address import Address
from dashboard.markup import Element, element
from dashboard.overview import notice
from dashboard.panel import StoredPanel, stored_panels
from dashboard.questions import Question, questions
from dashboard.stored import NO_PROGRAM
from dashboard.wording import count, duration

if TYPE_CHECKING:
    from dashboard.jobs import Look
    from diagnostics.run import Run

CANCELLED = (
    "Cancelled. Of a landscape, what was computed is kept: ask the same again, and it goes on "
    "where it was."
)


def offers(run: Run, name: str, chosen: str) -> Element:
    """A card for each analysis; what the run cannot be asked says why."""
    here = Address(page="ask", run=name)
    cards = [_card(each, run, here, each.name == chosen) for each in questions().values()]
    needs = None if run.has_program else notice(NO_PROGRAM)
    return element("div", "", needs, element("div", "offers", *cards))


def pictures_of(question: Question) -> list[StoredPanel[Any]]:
    """Those that show what it finds."""
    return [
        panel for panel in stored_panels() if panel.stored.command.split()[:1] == [question.name]
    ]


def _card(question: Question, run: Run, here: Address, chosen: bool) -> Element:
    panels = pictures_of(question)
    stored = max((len(panel.stored.finished(run)) for panel in panels), default=0)
    possible = run.has_program or any(panel.stored.command_for(run) for panel in panels)
    kind = "offer" + (" chosen" if chosen else "") + ("" if possible else " impossible")
    titles = ", ".join(panel.title for panel in panels)
    told = f"{titles} · {count(stored, 'result')} stored" if stored else titles
    inside = (
        element("strong", "", question.title),
        element("span", "told", question.told),
        element("span", "gives", told if possible else "needs a recorded loss program"),
    )
    return element("a", kind, *inside, href=f"{here.link()}&ask={question.name}#ask-one")


def told(look: Look, run: str) -> Element:
    """How far it is, how it ended, or why it did not."""
    if look.state == "failed":
        return notice(look.told or "The computation ended without saying why.")
    if look.state == "cancelled":
        return element("p", "hint", CANCELLED)
    question = questions().get(look.what)
    what = question.title if question else "Computation"
    where = f"{what}: " if look.run == run else f"{what} of {look.run}: "
    if not look.of:
        return element("p", "hint", f"{where}starting, {duration(look.seconds)}")
    bar = element("progress", "", value=str(look.done), max=str(look.of))
    return element("p", "hint", bar, f"{where}{look.told}")


def ended(look: Look, address: Address) -> Element:
    """That it is done, and where to see it."""
    question = questions().get(look.what)
    links = [
        element("a", "", panel.title, href=f"{address.link(page=panel.chapter)}#{panel.name}")
        for panel in (pictures_of(question) if question else [])
    ]
    spaced = [part for link in links for part in (" ", link)]
    return element("p", "hint", f"Computed in {duration(look.seconds)}.", *spaced)
