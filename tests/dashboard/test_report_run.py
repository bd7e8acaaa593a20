"""One run, chapter after chapter: what is there is drawn, what is not takes one line."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copytree

import pytest

from dashboard.chapters import CHAPTERS
from dashboard.markup import element, to_html
from dashboard.panel import panels
from dashboard.report_panels import Figures
from dashboard.report_run import reported, run_section
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.around import make_curvature, make_landscape, make_line

BADGES = element("p", "findings", "No findings")


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Run:
    return Run(copytree(runs / "healthy", tmp_path / "run"))


def written(run: Run) -> tuple[str, Figures]:
    section, figures = run_section(reported(run, "run-1"), BADGES)
    return to_html(section), figures


def chapter_of(shown: str, name: str) -> str:
    """The HTML from one chapter's beginning to that of the next."""
    places = [shown.index(f'id="run-1-chapter-{each.name}"') for each in CHAPTERS]
    assert places == sorted(places)
    at = [each.name for each in CHAPTERS].index(name)
    return shown[places[at] : [*places, len(shown)][at + 1]]


def test_every_panel_stands_in_its_chapter_or_is_missing_there(run: Run) -> None:
    save(run.path, make_landscape())
    shown = reported(run, "run-1")
    for part, chapter in zip(shown.parts, CHAPTERS, strict=True):
        there = {panel.name for panel in (*part.panels, *part.missing)}
        assert there == {panel.name for panel in panels() if panel.chapter == chapter.name}
    landscape = {part.chapter.name: part for part in shown.parts}["landscape"]
    assert [panel.name for panel in landscape.panels] == ["loss_landscape"]


def test_verdicts_come_first_and_lead_to_their_pictures(runs: Path) -> None:
    shown, figures = written(Run(runs / "sick"))
    overview = chapter_of(shown, "overview")
    assert overview.index("Vanishing gradient") < overview.index('id="run-1-loss_curve"')
    assert 'data-place="run-1-gradient_flow"' in overview
    assert 'id="run-1-gradient_flow"' in chapter_of(shown, "layers")
    assert "run-1-gradient_flow" in figures


def test_a_chapter_without_anything_says_what_to_record(run: Run) -> None:
    shown, figures = written(run)
    for name in ("landscape", "spectral", "uncertainty"):
        assert "Recorder(" in chapter_of(shown, name)
        assert "panel" not in chapter_of(shown, name)
    assert not [name for name in figures if "landscape" in name]


def test_a_chapter_without_anything_says_what_to_type(run: Run) -> None:
    (run.path / "program.json").touch()
    shown, _ = written(run)
    typed = chapter_of(shown, "landscape")
    assert f"fathom analyse landscape {run.path}" in typed
    assert f"fathom analyse curvature {run.path}" in typed
    assert "analyse quality" not in typed
    save(run.path, make_curvature())
    assert f"fathom analyse curvature {run.path}<" not in chapter_of(written(run)[0], "landscape")


def test_what_is_unfinished_is_not_in_a_report(run: Run) -> None:
    save(run.path, make_landscape(finished=False), "plane_unfinished")
    (run.path / "program.json").touch()
    shown, figures = written(run)
    assert "run-1-loss_landscape" not in figures
    assert "fathom analyse landscape" in shown
    aged = save(run.path, make_line(), "plane")
    os.utime(aged, (0, 0))  # older than what is being computed anew
    assert "run-1-loss_landscape linear" in written(run)[1]  # of a line


def test_a_picture_opens_at_the_step_its_verdict_speaks_of(runs: Path) -> None:
    sick, healthy = (
        written(Run(runs / name))[1]["run-1-gradient_flow"] for name in ("sick", "healthy")
    )
    assert sick["layout"]["sliders"][0]["active"] == 0
    slider = healthy["layout"]["sliders"][0]
    assert slider["active"] == len(slider["steps"]) - 1


def test_a_doctor_that_breaks_leaves_the_pictures(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("diagnostics.doctor.examine", breaks)
    shown, figures = written(Run(runs / "sick"))
    assert "ZeroDivisionError: oops" in chapter_of(shown, "overview")
    assert "run-1-gradient_flow" in figures


def test_the_loss_shows_where_each_finding_began(runs: Path) -> None:
    sick, healthy = (
        str(written(Run(runs / name))[1]["run-1-loss_curve"]) for name in ("sick", "healthy")
    )
    assert "Vanishing gradient" in sick
    assert "Vanishing gradient" not in healthy


def test_what_was_recorded_and_how_it_was_set_closes_the_overview(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = chapter_of(written(run)[0], "overview")
    assert overview.index('id="run-1-loss_curve"') < overview.index("What was recorded")

    def breaks(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("dashboard.report_run.recorded_part", breaks)
    assert "ZeroDivisionError: oops" in chapter_of(written(run)[0], "overview")
