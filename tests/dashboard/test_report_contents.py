"""Before anything else a reader sees which run is ill, and where everything is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.chapters import CHAPTERS
from dashboard.markup import to_html
from dashboard.report_contents import badges, contents, side_by_side
from dashboard.report_run import ReportedRun, reported
from diagnostics.run import Run
from tests.dashboard.samples import make_finding


@pytest.fixture(scope="module")
def shown(runs: Path) -> list[ReportedRun]:
    return [
        reported(Run(runs / name), f"run-{place}")
        for place, name in enumerate(("sick", "healthy"), start=1)
    ]


def test_runs_stand_side_by_side_with_state_and_verdicts(shown: list[ReportedRun]) -> None:
    section = side_by_side(shown)
    assert section
    sick, healthy = to_html(section).split("<article")[1:]
    assert "finished" in sick
    assert "Vanishing gradient" in sick
    assert 'href="#run-1-verdicts"' in sick
    assert "Last loss" in sick
    assert "Vanishing gradient" not in healthy


def test_one_run_alone_needs_no_card(shown: list[ReportedRun]) -> None:
    assert side_by_side(shown[:1]) is None


def test_contents_lead_to_every_chapter_and_panel(shown: list[ReportedRun]) -> None:
    written = to_html(contents(shown))
    for place, each in enumerate(shown, start=1):
        assert f'href="#run-{place}"' in written
        for chapter in CHAPTERS:
            assert f'href="#run-{place}-chapter-{chapter.name}"' in written
        for part in each.parts:
            for panel in part.panels:
                assert f'href="#run-{place}-{panel.name}"' in written


def test_contents_of_one_run_do_not_name_it(shown: list[ReportedRun]) -> None:
    assert "of-run" not in to_html(contents(shown[:1]))


def test_consequences_are_no_badges_and_many_are_counted(shown: list[ReportedRun]) -> None:
    told = shown[0].told
    assert not isinstance(told, Exception)
    causes = [make_finding(disease=f"disease_{number}") for number in range(6)]
    caused = make_finding(disease="brought", because_of="disease_1")
    many = replace(shown[0], told=replace(told, findings=(*causes, caused)))
    written = to_html(badges(many))
    assert written.count("<a") == 4
    assert "and 2 more" in written
    assert "Brought" not in written


def test_health_and_doubt_are_told_apart(shown: list[ReportedRun]) -> None:
    told = shown[0].told
    assert not isinstance(told, Exception)
    healthy = replace(shown[0], told=replace(told, findings=()))
    assert "No findings" in to_html(badges(healthy))
    unknown = replace(shown[0], told=replace(told, findings=(), passed=()))
    assert "No findings" not in to_html(badges(unknown))
    broken = replace(shown[0], told=ValueError("oops"))
    assert "Could not be judged" in to_html(badges(broken))
