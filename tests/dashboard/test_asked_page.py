"""What is said of questions and of their computation."""

from __future__ import annotations

from pathlib import Path

from dashboard.address import Address
from dashboard.asked_page import ended, offers, pictures_of, told
from dashboard.jobs import Look
from dashboard.markup import to_html
from dashboard.panel import stored_panels
from dashboard.questions import questions
from diagnostics.run import Run
from diagnostics.store import save
from tests.dashboard.around import make_landscape
from tests.dashboard.samples import HOSTILE, train


def test_every_picture_of_a_command_belongs_to_a_question() -> None:
    found = {panel.name for each in questions().values() for panel in pictures_of(each)}
    assert found == {panel.name for panel in stored_panels()}


def test_progress_is_a_bar_and_words() -> None:
    shown = to_html(
        told(Look("digits", "running", "30 of 90 points, 4 s left", 30, 90, 2.0, "landscape"), "x")
    )
    assert 'value="30" max="90"' in shown
    assert "Landscape of digits: 30 of 90 points, 4 s left" in shown


def test_ends_are_told_apart() -> None:
    done = to_html(ended(Look("a", "done", "", 0, 0, 65, "landscape"), Address(run="a")))
    assert "Computed in 1 min 05 s" in done
    assert 'href="?page=landscape&amp;run=a#loss_landscape"' in done
    assert "goes on where it was" in to_html(told(Look("a", "cancelled", "", 0, 0, 1), "a"))
    failed = to_html(told(Look("a", "failed", HOSTILE, 0, 0, 1), "a"))
    assert "notice" in failed
    assert "<img" not in failed
    assert "without saying why" in to_html(told(Look("a", "failed", "", 0, 0, 1), "a"))


def test_a_run_without_a_program_says_what_it_lacks_and_what_it_has(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    save(run.path, make_landscape(), "plane")
    shown = to_html(offers(run, "run", "landscape"))
    assert "holds no loss program" in shown
    assert "offer chosen impossible" in shown
    assert 'href="?page=ask&amp;run=run&amp;ask=curvature#ask-one"' in shown
