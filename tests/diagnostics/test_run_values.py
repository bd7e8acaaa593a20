"""Last and best values of several runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from diagnostics.run_values import Value, ValueRow, run_values
from tests.twins import STEPS, twin


def test_the_best_loss_is_the_least_and_the_best_score_the_largest() -> None:
    run = twin("base")
    rows = {row.name: row for row in run_values([run, twin("faster")]).rows}
    loss, accuracy = run.scalar("loss"), run.scalar("accuracy")
    (value, _), (score, _) = rows["loss"].values, rows["accuracy"].values
    assert value == Value(loss.values[-1], loss.values.min(), int(loss.steps[loss.values.argmin()]))
    assert score is not None
    assert score.best == accuracy.values.max()
    assert rows["accuracy"].is_score


def test_what_a_run_has_not_logged_is_none_and_comes_last() -> None:
    base = twin("base")
    told = {"logged": ("only",), "scalar": lambda _: base.scalar("loss")}
    lone: Any = SimpleNamespace(path=base.path, **told)
    rows = run_values([twin("again"), lone]).rows
    assert rows[-1].name == "only"
    assert rows[-1].values[0] is None
    assert rows[-1].winner == -1  # one alone has won nothing


def test_what_is_no_number_is_never_the_best() -> None:
    steps = np.arange(3)
    told = SimpleNamespace(steps=steps, values=np.array([np.nan, 2.0, -np.inf]))
    run: Any = SimpleNamespace(path=twin("base").path, logged=("loss",), scalar=lambda _: told)
    (value,) = run_values([run]).rows[0].values
    assert value is not None
    assert (value.best, value.best_step) == (2.0, 1)
    assert value.last == -np.inf


def test_nothing_but_nan_has_no_best() -> None:
    told = SimpleNamespace(steps=np.arange(2), values=np.full(2, np.nan))
    run: Any = SimpleNamespace(path=twin("base").path, logged=("loss",), scalar=lambda _: told)
    (value,) = run_values([run]).rows[0].values
    assert value is not None
    assert value.best_step == -1


def row(*bests: float | None, score: bool = False) -> ValueRow:
    values = tuple(None if best is None else Value(0.0, best, STEPS) for best in bests)
    return ValueRow("x", score, values)


def test_who_wins() -> None:
    assert row(3.0, 1.0, 2.0).winner == 1
    assert row(3.0, 1.0, 2.0, score=True).winner == 0
    assert row(1.0, 1.0).winner == -1
    assert row(np.nan, 2.0, 3.0).winner == 1
    assert row(None, None).winner == -1
