from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.answers import judged_by, spread, variety
from tests.diagnostics.written import written


def test_predictions_for_a_batch_give_the_spread_of_their_columns(tmp_path):
    values = np.random.default_rng(0).normal(1.0, 2.0, (4, 16, 3))
    run = written(tmp_path, arrays={"outputs": ("[example, output]", [1, 2, 4, 8], values)})
    seen = spread(run)
    assert seen is not None
    assert list(seen.steps) == [1, 2, 4, 8]
    for one, table in zip(seen.values, values, strict=True):
        assert one == pytest.approx(table.std(0).mean() / np.sqrt((table**2).mean()), rel=1e-5)


def test_answers_of_training_come_first(tmp_path):
    arrays = {"outputs": ("[example, output]", [1], np.ones((1, 4, 2)))}
    seen = spread(written(tmp_path, scalars={"answers/spread": [0.5, np.nan, 0.4]}, arrays=arrays))
    assert seen is not None
    assert list(seen.values) == [0.5, 0.4]


def test_variety_does_not_depend_on_where_answers_lie(tmp_path):
    """For columns of one mean it is the share of the std that is within them: 1."""
    table = np.random.default_rng(0).uniform(9.0, 11.0, (5000, 2))
    told = {
        "spread": table.std(0).mean() / np.sqrt((table**2).mean()),
        "std": table.std(),
        "min": table.min(),
        "max": table.max(),
    }
    run = written(tmp_path, scalars={f"answers/{name}": [value] for name, value in told.items()})
    seen = variety(run)
    assert seen is not None
    assert seen.values[0] == pytest.approx(1.0, rel=0.01)


def test_what_was_not_recorded_is_none(tmp_path):
    run = written(tmp_path, arrays={"outputs": ("[example]", [1], np.ones((1, 4)))})
    assert spread(run) is None
    assert variety(run) is None
    assert judged_by(run) == ""


def test_a_loss_judges_answers_only_if_it_is_given_them(tmp_path):
    on = {"kind": "MSELoss", "on": "answer"}
    assert judged_by(written(tmp_path / "a", events=[(1, "loss", on)])) == "MSELoss"
    assert judged_by(written(tmp_path / "b", events=[(1, "loss", on | {"on": ""})])) == ""
