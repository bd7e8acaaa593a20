from __future__ import annotations

import math
import os
import time
from pathlib import Path

import pytest

from dashboard.run_row import LONG, Known, Value, run_row, seconds
from diagnostics.listing import Listing
from diagnostics.runs import STALE, read_info, read_summary
from probes.folder import hold
from tests.dashboard.listed import BEGAN, STARTED, make_run


def known(folder: Path, listing: Listing | None = None) -> Known:
    info, summary = read_info(folder), read_summary(folder)
    return Known("group/run", folder, info, summary, listing, ("tag",))


def test_everything_comes_from_small_files(tmp_path):
    row = run_row(known(make_run(tmp_path / "run", [3.0, 0.5, 1.0])))
    assert (row.name, row.state, row.steps, row.tags) == ("group/run", "finished", 3, ("tag",))
    assert (row.began, row.updated) == (BEGAN, BEGAN + 60)
    assert (row.model, row.parameters) == ("Net", 1234)
    assert row.loss == Value("loss", 1.0, 0.5)
    assert row.validation is row.score is None
    assert row.curve_name == "loss"
    assert len(row.curve.low) == 3


def test_losses_are_best_when_least_and_scores_when_greatest(tmp_path):
    scalars = {"loss": 1.0, "val_loss": 2.0, "val_acc": 0.5}
    extremes = {"val_loss": [0.1, 1, 9.0, 2], "val_acc": [0.1, 1, 0.9, 2]}
    row = run_row(known(make_run(tmp_path / "run", scalars=scalars, extremes=extremes)))
    assert row.loss == Value("loss", 1.0, None)  # its extremes are not known
    assert row.validation == Value("val_loss", 2.0, 0.1)
    assert row.score == Value("val_acc", 0.5, 0.9)


def test_a_score_in_training_is_better_than_none(tmp_path):
    row = run_row(known(make_run(tmp_path / "run", scalars={"accuracy": 0.5})))
    assert row.score.name == "accuracy"


def test_an_older_summary_is_filled_in_by_the_listing(tmp_path):
    run = known(make_run(tmp_path / "run", [4.0, 2.0]))
    highlights = {name: run.summary.pop(name) for name in ("extremes", "outlines")}
    assert run_row(run).curve is None
    again = Known(run.name, run.path, run.info, run.summary, Listing("", highlights=highlights), ())
    assert len(run_row(again).curve.low) == 2
    assert run_row(again).loss.best == 2.0


def test_last_values_can_be_filtered_by_and_the_learning_rate_too(tmp_path):
    scalars = {"loss": "nan", "optimizer/0/lr": 0.1, **{f"m{n}": 1.0 for n in range(99)}}
    row = run_row(known(make_run(tmp_path / "run", scalars=scalars)))
    assert row.values["lr"] == 0.1
    assert math.isnan(row.values["loss"])
    assert len(row.values) < 30


def test_names_without_end_have_one(tmp_path):
    endless = "x" * 100_000
    model = {"class": endless, "parameters": True}
    scalars = {endless + "_loss": 1.0}
    row = run_row(known(make_run(tmp_path / "run", scalars=scalars, model=model)))
    assert len(row.model) == len(row.loss.name) == len(row.curve_name) == LONG
    assert row.values == {}
    assert row.parameters == 0


@pytest.mark.parametrize(("quiet", "state"), [(1.0, "running"), (STALE + 9, "stale")])
def test_a_live_run_and_one_that_hangs(tmp_path, quiet, state):
    folder = make_run(tmp_path / "run", state="running", updated=time.time() - quiet, steps=10**9)
    assert run_row(known(folder)).state == "killed"  # nobody writes it
    held = hold(folder)
    try:
        assert run_row(known(folder)).state == state
    finally:
        os.close(held)


def test_a_moment_that_is_none():
    assert seconds(STARTED) == BEGAN
    assert seconds("yesterday") == seconds(None) == seconds("") == seconds("9999999-01-01") == 0.0


def test_a_run_of_which_nothing_is_known(tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    row = run_row(Known("bare", tmp_path, {"model": 3}, {"scalars": 3, "outlines": 3}, None, ()))
    assert (row.state, row.steps, row.model, row.loss, row.curve) == ("killed", 0, "", None, None)
