"""Panels in the report: what is stored is drawn, what is not takes one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard.markup import to_html
from dashboard.panel import recorded_panels
from dashboard.report_panels import panel_section, stored_chapter
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.around import make_curvature, make_landscape, make_line
from tests.dashboard.samples import train


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(train(tmp_path / "run", steps=3))


def test_nothing_stored_is_one_heading_and_one_line(run: Run) -> None:
    parts, figures = stored_chapter("run-1", run)
    assert figures == {}
    shown = "".join(to_html(part) for part in parts if part)
    assert shown.count("<h2") == 1
    assert "Recorder(" in shown
    assert "panel" not in shown


def test_every_choice_is_a_figure_and_a_button(run: Run) -> None:
    save(run.path, make_landscape())
    parts, figures = stored_chapter("run-1", run)
    name = "run-1-loss_landscape"
    assert set(figures) == {name} | {
        f"{name} {view} {scale}"
        for view in ("plane", "surface", "side by side")
        for scale in ("log", "linear")
        if (view, scale) != ("plane", "log")
    }
    shown = "".join(to_html(part) for part in parts if part)
    assert shown.count('aria-pressed="true"') == 2
    assert "flatness radius" in shown


def test_what_is_unfinished_is_not_in_a_report(run: Run) -> None:
    save(run.path, make_landscape(finished=False), "plane_unfinished")
    (run.path / "program.json").touch()
    parts, figures = stored_chapter("run-1", run)
    assert figures == {}
    assert "fathom analyse landscape" in "".join(to_html(part) for part in parts if part)
    aged = save(run.path, make_line(), "plane")
    os.utime(aged, (0, 0))  # older than what is being computed anew
    _, figures = stored_chapter("run-1", run)
    assert list(figures) == ["run-1-loss_landscape", "run-1-loss_landscape linear"]  # of a line


def test_one_drawing_alone_is_no_choice(run: Run) -> None:
    save(run.path, make_line())
    parts, figures = stored_chapter("run-1", run)
    assert list(figures) == ["run-1-loss_landscape", "run-1-loss_landscape linear"]
    assert "".join(to_html(part) for part in parts if part).count("<button") == 2


def test_a_result_that_cannot_be_read_is_said_in_its_place(run: Run) -> None:
    save(run.path, make_curvature())
    save(run.path, make_landscape()).write_bytes(b"no such thing")
    parts, figures = stored_chapter("run-1", run)
    assert list(figures) == ["run-1-curvature"]
    assert "cannot be read" in "".join(to_html(part) for part in parts if part)


def test_a_recorded_panel_has_one_figure(run: Run) -> None:
    panel = next(panel for panel in recorded_panels() if panel.name == "gradient_flow")
    section, figures = panel_section("run-1", panel, run, {"step": 1})
    assert list(figures) == ["run-1-gradient_flow"]
    assert "controls" not in to_html(section)
