"""Pictures of a page that nobody has computed yet: what each would show, and how to get it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element
from dashboard.stored import NO_PROGRAM, NOTHING_ELSE, by_command, shell_command

if TYPE_CHECKING:
    from dashboard.panel import StoredPanel
    from diagnostics.run import Run

NOT_YET = "These pictures take longer than recording does: each is computed when somebody asks."


def absent(run: Run, panels: Sequence[StoredPanel[Any]], ask: str) -> Element | None:
    """A card for all that one command computes; `ask`: the address of the page that can."""
    commands = by_command(run, panels)
    possible = {command: found for command, found in commands.items() if command}
    cards = [_card(run, command, found, ask) for command, found in possible.items()]
    impossible = commands.get("")
    if impossible:
        cards.append(_impossible(impossible, NOTHING_ELSE if possible else NO_PROGRAM))
    if not cards:
        return None
    told = element("p", "quiet", NOT_YET) if possible else None
    title = element("h2", "", "Not computed yet" if possible else "Not recorded")
    return element("div", "absent", title, told, element("ul", "offers", *cards))


def _card(run: Run, command: str, panels: Sequence[StoredPanel[Any]], ask: str) -> Element:
    name = command.split(maxsplit=1)[0]
    link = element("a", "action", "Compute it", href=f"{ask}&ask={name}#ask-one")
    typed = element("code", "", shell_command(run, command))
    ways = element("p", "ways", link, element("span", "gives", "or type ", typed))
    return element("li", "offer", *_questions(panels), ways)


def _impossible(panels: Sequence[StoredPanel[Any]], why: str) -> Element:
    return element("li", "offer impossible", *_questions(panels), element("p", "", why))


def _questions(panels: Sequence[StoredPanel[Any]]) -> list[Element]:
    return [
        element("p", "", element("strong", "", each.title), element("span", "told", each.question))
        for each in panels
    ]
