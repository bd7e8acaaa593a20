"""The frame names every page, and the folder as text."""

from __future__ import annotations

from pathlib import Path

from dashboard.chapters import CHAPTERS
from dashboard.markup import to_html
from dashboard.navigation import ALONE, PAGES, pages, top


def test_every_chapter_is_a_page_between_the_runs_and_the_questions() -> None:
    names = [name for name, _ in PAGES]
    assert names == ["runs", *(chapter.name for chapter in CHAPTERS), "compare", "ask"]
    assert all(f'href="?page={name}" data-page="{name}"' in to_html(pages()) for name in names)


def test_a_folder_s_name_is_text() -> None:
    shown = to_html(top(Path("<b>runs</b>")))
    assert "<b>" not in shown
    assert "Runs under &lt;b&gt;runs&lt;/b&gt;" in shown


def test_pages_of_no_one_run_are_marked_and_the_bar_begins_with_the_way_past_it() -> None:
    told = to_html(pages())
    marked = [name for name, _ in PAGES if f'data-page="{name}" data-alone=""' in told]
    assert marked == list(ALONE)
    bar = to_html(top(Path("runs")))
    assert bar.index('class="skip" href="#main"') < bar.index("<input")
    assert bar.count("<button") == bar.count('type="button" aria-label=')
