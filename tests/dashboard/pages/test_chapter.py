"""A chapter's page holds its question and every panel of it, recorded ones first."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.chapters import CHAPTERS, Chapter
from dashboard.pages.chapter import SCALES, layout, smoothing
from dashboard.panel import panels, stored_panels


def below(part: Any) -> list[Any]:
    """A component and all that it holds."""
    inside = getattr(part, "children", None)
    several = inside if isinstance(inside, (list, tuple)) else [inside]
    return [part, *(found for child in several if child is not None for found in below(child))]


def all_of(parts: Any) -> list[Any]:
    return [found for part in parts for found in below(part)]


def ids(parts: Any) -> list[str]:
    return [part.id for part in all_of(parts) if getattr(part, "id", None)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_page_asks_its_question_and_has_every_panel_of_it(chapter: Chapter) -> None:
    parts = layout(chapter.name)
    assert chapter.question in all_of(parts)
    own = {panel.name for panel in panels() if panel.chapter == chapter.name}
    every = {panel.name for panel in panels()}
    assert own == every & set(ids(parts))
    assert len(ids(parts)) == len(set(ids(parts)))


def test_where_something_can_be_computed_there_is_room_to_say_so() -> None:
    computed = {panel.chapter for panel in stored_panels()}
    assert computed
    for chapter in CHAPTERS:
        assert ("not-computed" in ids(layout(chapter.name))) == (chapter.name in computed)


def test_an_unknown_chapter_is_empty() -> None:
    assert layout("nowhere") == []


def test_the_scale_is_a_named_group_of_buttons_that_set_it() -> None:
    found = below(smoothing())
    (row,) = (each for each in found if getattr(each, "role", "") == "group")
    assert getattr(row, "aria-label") == "Scale"
    buttons = [each for each in found if getattr(each, "type", "") == "button"]
    assert [getattr(each, "data-to") for each in buttons] == list(SCALES)
    assert {getattr(each, "data-set") for each in buttons} == {"scale"}
