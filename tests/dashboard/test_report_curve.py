"""A course of a loss keeps its extremes, its order and its decades, and is read aloud."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dashboard.markup import to_html
from dashboard.report_curve import COLUMNS, HEIGHT, loss_course, path


def points(values: Any) -> Any:
    """Across and up, as the path has them."""
    pairs = path(np.asarray(values, float)).removeprefix("M").split(" ")
    found = np.array([[float(each) for each in pair.split(",")] for pair in pairs])
    return found[:, 0], HEIGHT - found[:, 1]


def run(**logged: Any) -> Any:
    values = {name: np.asarray(each, float) for name, each in logged.items()}
    return SimpleNamespace(
        logged=tuple(values), scalar=lambda name: SimpleNamespace(values=values[name])
    )


def test_a_spike_among_many_is_seen() -> None:
    values = np.ones(100_000)
    values[77_777], values[5] = 9.0, -4.0
    across, up = points(values)
    assert len(across) <= 2 * COLUMNS
    assert (up.max(), up.min()) == (HEIGHT - 1, 1)
    assert across[up.argmax()] == pytest.approx(0.77777 * COLUMNS, abs=1.5)
    assert across[up.argmin()] == 0
    assert (np.diff(across) >= 0).all()


def test_decades_are_even_steps() -> None:
    _, up = points([1000.0, 100.0, 10.0, 1.0])
    np.testing.assert_allclose(np.diff(up), np.diff(up)[0], atol=0.11)
    _, up = points([4.0, 3.0, 2.0, 1.0])
    np.testing.assert_allclose(np.diff(up), np.diff(up)[0], atol=0.11)


def test_what_does_not_move_is_a_level_line() -> None:
    _, up = points([2.0, 2.0, 2.0])
    assert set(up) == {1.0}


def test_it_is_the_training_loss_and_says_its_ends() -> None:
    written = to_html(loss_course(run(lr=[1, 2], val_loss=[3, 4], loss=[2.5, np.nan, 0.5])) or "")
    assert 'aria-label="loss: from 2.5 to 0.5"' in written
    assert 'role="img"' in written
    held_out = to_html(loss_course(run(accuracy=[1, 2], val_loss=[3, 4])) or "")
    assert "val_loss: from 3 to 4" in held_out


@pytest.mark.parametrize(
    "logged", [{}, {"accuracy": [1, 2]}, {"loss": [1.0]}, {"loss": [np.nan] * 3}]
)
def test_nothing_to_see_is_nothing(logged: Any) -> None:
    assert loss_course(run(**logged)) is None
