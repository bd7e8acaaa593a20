"""What is missing says what it would show, and how to get it."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dashboard.absent import absent
from dashboard.markup import to_html
from dashboard.panel import StoredPanel, stored_panels
from dashboard.stored import NO_PROGRAM, NOTHING_ELSE, shell_command
from diagnostics.run import Run
from tests.dashboard.samples import train

ASK = "?page=ask&run=run"
OF_ONE_COMMAND = ("data_spectra", "learned_function", "spectral_bias")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("runs") / "run", steps=3)


@pytest.fixture
def run(recorded: Path) -> Run:
    (recorded / "program.json").unlink(missing_ok=True)
    return Run(recorded)


def panels_of(*names: str) -> list[StoredPanel[Any]]:
    return [panel for panel in stored_panels() if panel.name in names]


def shown(run: Run, *names: str) -> str:
    found = absent(run, panels_of(*names), ASK)
    assert found is not None
    return unescape(to_html(found))


def test_each_says_its_question_and_where_to_ask(run: Run) -> None:
    (run.path / "program.json").touch()
    told = shown(run, "curvature", "sharpness")
    assert told.count("<li") == 2
    for panel in panels_of("curvature", "sharpness"):
        assert panel.question in told
        assert f'href="{ASK}&ask={panel.name}#ask-one"' in told
        assert f"<code>{shell_command(run, panel.stored.command)}</code>" in told


def test_what_one_command_computes_is_one_card(run: Run) -> None:
    (run.path / "program.json").touch()
    told = shown(run, *OF_ONE_COMMAND)
    assert told.count("<li") == told.count("<code>") == 1
    assert told.count("<strong>") == 3


def test_what_cannot_be_computed_says_why_and_gives_no_command(run: Run) -> None:
    told = shown(run, "curvature", "sharpness")
    assert NO_PROGRAM in told
    assert "<code>" not in told
    assert "href" not in told


def test_what_recorded_predictions_are_enough_for_is_offered(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "array_names", ("outputs",))
    told = shown(run, *OF_ONE_COMMAND, "kernel_modes")
    assert "ask=spectral-bias" in told
    assert "ask=kernel-modes" not in told
    assert NOTHING_ELSE in told


def test_where_nothing_is_missing_nothing_is_said(run: Run) -> None:
    assert absent(run, [], ASK) is None
