"""One of several, as a row of buttons: each says what of the address it sets."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.markup import Element, element


def segments(what: str, words: Sequence[str], chosen: str) -> Element:
    """The row; the button that is pressed is the one shown."""
    buttons = (_button(what, word, word == chosen) for word in words)
    return element("div", "segments", *buttons, role="group", **{"aria-label": what})


def _button(what: str, word: str, pressed: bool) -> Element:
    told = {"aria-pressed": str(pressed).lower(), "data-set": what, "data-to": word}
    return element("button", "", word, type="button", **told)
