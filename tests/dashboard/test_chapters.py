"""Every panel stands in a chapter, and every chapter has one."""

from dashboard.chapters import CHAPTERS
from dashboard.panel import panels


def test_every_panel_stands_in_a_chapter_and_every_chapter_has_one() -> None:
    assert {panel.chapter for panel in panels()} == {chapter.name for chapter in CHAPTERS}
