"""What a command has stored: the newest, one chosen, or one sentence."""

from __future__ import annotations

import os
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dashboard.figures.loss_landscape import PANEL
from dashboard.markup import to_html
from dashboard.panel import StoredPanel, stored_panels
from dashboard.stored import (
    NO_PROGRAM,
    NOTHING_ELSE,
    base,
    is_unfinished,
    missing,
    not_computed,
    shell_command,
)
from diagnostics.run import FathomError, Run
from diagnostics.store import save
from tests.dashboard.around import make_landscape, make_line
from tests.dashboard.samples import train


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(train(tmp_path / "a run", steps=3))


def aged(path: Path, seconds: int) -> None:
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_the_newest_unless_another_is_chosen(run: Run) -> None:
    aged(save(run.path, make_line(), "line"), 60)
    save(run.path, make_landscape(), "plane")
    assert PANEL.stored.keys(run) == ("plane", "line")
    assert PANEL.analyse(run).loss.ndim == 2
    assert PANEL.stored.chosen(run, "line").loss.ndim == 1


def test_the_stamp_changes_when_a_result_is_stored_anew(run: Run) -> None:
    aged(save(run.path, make_landscape(), "plane"), 60)
    before = PANEL.stored.stamp(run)
    assert before == PANEL.stored.stamp(run)
    save(run.path, make_landscape(), "plane")
    assert before != PANEL.stored.stamp(run)


def test_what_is_unfinished_is_listed_and_never_taken_for_a_result(run: Run) -> None:
    save(run.path, make_landscape(finished=False), "plane_unfinished")
    assert PANEL.stored.keys(run) == ("plane_unfinished",)
    assert PANEL.stored.finished(run) == ()
    with pytest.raises(FathomError, match="loss program"):
        PANEL.analyse(run)
    aged(save(run.path, make_line(), "plane"), 60)
    assert PANEL.stored.keys(run) == ("plane_unfinished", "plane")
    assert PANEL.analyse(run).loss.ndim == 1


def test_the_key_of_what_it_will_be() -> None:
    assert (base("plane_unfinished"), base("plane")) == ("plane", "plane")
    assert (is_unfinished("plane_unfinished"), is_unfinished("plane")) == (True, False)


def test_what_vanishes_between_two_looks_has_no_stamp(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(run.path, make_landscape(), "plane")
    listed = ("plane_unfinished", "plane")
    monkeypatch.setattr(type(PANEL.stored), "keys", lambda *_: listed)
    assert [key for key, _ in PANEL.stored.stamp(run)] == ["plane"]


def test_none_is_one_sentence_that_says_what_to_do(run: Run) -> None:
    with pytest.raises(FathomError) as found:
        PANEL.analyse(run)
    assert str(found.value) == NO_PROGRAM
    (run.path / "program.json").touch()
    assert missing(run, "landscape") == f"Not computed yet: {shell_command(run, 'landscape')}"


def test_a_command_can_be_typed_as_it_stands(run: Run) -> None:
    assert shell_command(run, "curvature --all") == (f"fathom analyse curvature '{run.path}' --all")


OF_ONE_COMMAND = ("data_spectra", "learned_function", "spectral_bias")


def panels_of(*names: str) -> list[StoredPanel[Any]]:
    return [panel for panel in stored_panels() if panel.name in names]


def test_all_that_is_missing_is_one_line_without_a_program_and_a_list_with_one(run: Run) -> None:
    told = not_computed(run, panels_of("loss_landscape", "curvature"))
    assert told
    assert to_html(told).count("<p") == 1
    assert NO_PROGRAM in unescape(to_html(told))
    (run.path / "program.json").touch()
    told = not_computed(run, stored_panels())
    assert told
    commands = {panel.stored.command for panel in stored_panels()}
    assert to_html(told).count("<code>fathom analyse") == len(commands)
    assert "<p" not in to_html(told)
    assert not_computed(run, []) is None


def test_what_recorded_predictions_are_enough_for_is_listed_without_a_program(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the rest is told of in one sentence, as something else."""
    (stored,) = (panel.stored for panel in panels_of("learned_function"))
    assert not run.has_program
    assert stored.command_for(run) == ""
    monkeypatch.setattr(Run, "array_names", ("outputs",))
    assert stored.command_for(run) == "spectral-bias"
    told = unescape(to_html(not_computed(run, stored_panels()) or ""))
    assert f"Learned function: <code>{shell_command(run, 'spectral-bias')}" in told
    wanted = "spectral-bias --target MODULE:FUNCTION"
    assert "Spectral bias" in told.partition(shell_command(run, wanted))[0]
    assert NOTHING_ELSE in told
    assert "fathom analyse curvature" not in told
    with pytest.raises(FathomError, match="--target MODULE:FUNCTION"):
        panels_of("spectral_bias")[0].analyse(run)


def test_panels_of_one_command_share_a_line(run: Run) -> None:
    (run.path / "program.json").touch()
    told = to_html(not_computed(run, panels_of(*OF_ONE_COMMAND)) or "")
    assert told.count("<code>") == 1
    assert "Data spectra, Learned function, Spectral bias: " in told


def test_a_command_that_was_used_is_not_asked_for_again(run: Run) -> None:
    """What it did not give does not apply to this run."""
    (run.path / "program.json").touch()
    without = [panel for panel in stored_panels() if panel.name != "learned_function"]
    told = to_html(not_computed(run, without) or "")
    assert "spectral-bias" not in told
    assert "fathom analyse curvature" in told
