"""What was logged, and what happened when, in recordings in which it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diagnostics.loss_curve import MOST, LossCurve, loss_curve
from diagnostics.run import FathomError
from diagnostics.store import load, save
from tests.diagnostics.written import layer, written

TENSORS = layer("a", "4x4")


def events(found: LossCurve) -> list[tuple[int, str]]:
    return list(zip(found.happened.tolist(), found.kinds, strict=True))


def test_losses_score_and_rate(tmp_path: Path) -> None:
    scalars = {
        "loss": list(np.geomspace(2.0, 0.02, 40)),
        "val_loss": [2.0, 1.0, 0.5, 0.8],
        "val_acc": [0.1, 0.9],
        "optimizer/0/lr": [0.1],
    }
    run = written(tmp_path, scalars=scalars)
    found = loss_curve(run)
    names = (found.training_name, found.validation_name, found.score_name)
    assert names == ("loss", "val_loss", "val_acc")
    np.testing.assert_allclose(found.training, scalars["loss"])
    np.testing.assert_allclose(found.score, [0.1, 0.9])
    np.testing.assert_allclose(found.rate, 0.1)
    assert events(found) == [(3, "best")]
    save(run.path, found)
    assert load(run.path, LossCurve).words == found.words == ("the least val_loss: 0.5",)


def test_one_mark_for_each_stretch_without_a_number(tmp_path: Path) -> None:
    loss = [1.0, np.nan, np.nan, 1.0, 1.0, 1.0, np.inf, 1.0]
    found = loss_curve(written(tmp_path, scalars={"loss": loss}))
    assert events(found) == [(2, "not finite"), (7, "not finite")]
    np.testing.assert_array_equal(np.isnan(found.smooth), ~np.isfinite(loss))


def test_a_jump_is_seen_and_smoothed_away(tmp_path: Path) -> None:
    loss = 1 + 0.01 * np.random.default_rng(0).normal(size=100)
    loss[70] = 9.0
    found = loss_curve(written(tmp_path, scalars={"loss": list(loss)}))
    assert events(found) == [(71, "jump")]
    assert found.smooth.max() < 1.1


def test_a_step_of_the_rate_is_marked_a_schedule_is_not(tmp_path: Path) -> None:
    steps, series = tuple(range(1, 41)), {"weights": {"a.weight": {}}}
    sudden = [0.1] * 20 + [0.01] * 20
    smooth = list(0.5 ** np.arange(40))
    for name, rates in (("sudden", sudden), ("smooth", smooth)):
        (tmp_path / name).mkdir()
        scalars = {"loss": [1.0] * 40, "optimizer/0/lr": rates}
        run = written(tmp_path / name, TENSORS, series, steps=steps, scalars=scalars)
        expected = [(21, "rate change")] if name == "sudden" else []
        assert events(loss_curve(run)) == expected


def test_what_the_recorder_noticed(tmp_path: Path) -> None:
    skipped = [(step, "skipped", "") for step in range(1, MOST + 9)]
    noticed = [(3, "resumed", "after step 3"), (9, "exception", "oops"), *skipped]
    found = loss_curve(written(tmp_path, scalars={"loss": [1.0] * 30}, events=noticed))
    assert events(found) == [(1, "skipped"), (3, "resumed"), (9, "exception")]
    assert f"{MOST + 8} steps" in found.words[0]


def test_says_what_to_log(tmp_path: Path) -> None:
    with pytest.raises(FathomError, match=r"it has: speed\); log it.*recorder\.log\(loss=loss\)"):
        loss_curve(written(tmp_path, scalars={"speed": [1.0]}))
