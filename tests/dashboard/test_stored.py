"""What a command has stored: the newest, one chosen, or one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard.figures.loss_landscape import PANEL
from dashboard.markup import to_html
from dashboard.panel import stored_panels
from dashboard.stored import (
    NO_PROGRAM,
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


def test_all_that_is_missing_is_one_line_without_a_program_and_a_list_with_one(run: Run) -> None:
    told = not_computed(run, stored_panels())
    assert told
    assert to_html(told).count("<p") == 1
    (run.path / "program.json").touch()
    told = not_computed(run, stored_panels())
    assert told
    assert to_html(told).count("<code>fathom analyse") == len(stored_panels())
    assert not_computed(run, []) is None
