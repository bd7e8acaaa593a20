"""Panels in the report: a figure for every choice, and what went wrong in its place."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from dashboard.markup import to_html
from dashboard.panel import Panel, panels
from dashboard.report_panels import panel_section
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.around import make_landscape, make_line


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Run:
    return Run(copytree(runs / "healthy", tmp_path / "run"))


def panel(name: str) -> Panel[object]:
    return next(panel for panel in panels() if panel.name == name)


def test_every_choice_is_a_figure_and_a_button(run: Run) -> None:
    save(run.path, make_landscape())
    section, figures = panel_section("here", panel("loss_landscape"), run, {})
    assert set(figures) == {"here"} | {
        f"here {view} {scale}"
        for view in ("plane", "surface", "side by side")
        for scale in ("log", "linear")
        if (view, scale) != ("plane", "log")
    }
    shown = to_html(section)
    assert shown.count('aria-pressed="true"') == 2
    assert "flatness radius" in shown


def test_one_drawing_alone_is_no_choice(run: Run) -> None:
    save(run.path, make_line())
    section, figures = panel_section("here", panel("loss_landscape"), run, {})
    assert list(figures) == ["here", "here linear"]
    assert to_html(section).count("<button") == 2


def test_a_result_that_cannot_be_read_is_said_in_its_place(run: Run) -> None:
    save(run.path, make_landscape()).write_bytes(b"no such thing")
    section, figures = panel_section("here", panel("loss_landscape"), run, {})
    assert figures == {}
    assert "cannot be read" in to_html(section)
    assert "figure" not in to_html(section)


def test_room_is_kept_for_a_figure_on_a_wide_page_and_on_a_narrow_one(run: Run) -> None:
    section, figures = panel_section("here", panel("update_ratios"), run, {"step": 1})
    layout = figures["here"]["layout"]
    wide, narrow = layout["height"], layout["meta"]["narrow"]["height"]
    assert f"--high:{wide}px;--narrow:{narrow}px" in to_html(section)
    assert "controls" not in to_html(section)
