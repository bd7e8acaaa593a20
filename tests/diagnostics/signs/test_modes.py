from __future__ import annotations

import pytest

from diagnostics.signs.modes import batch_norms, depends_on_mode, training_share
from tests.diagnostics.written import tensor, written

WEIGHT = [tensor("a.weight", "matrix", "4x4")]


def stepped(path, events=()):
    """A hundred steps."""
    return written(path, WEIGHT, {"weights": {"a.weight": {}}}, steps=[1, 100], events=events)


def test_the_share_is_of_steps(tmp_path):
    modes = [
        (1, "modes", {"training": {"": True}}),
        (21, "modes", {"training": {"": False}}),
        (91, "modes", {"training": {"": True}}),
    ]
    assert training_share(stepped(tmp_path, modes)) == pytest.approx(0.3)


def test_what_is_not_said_trains(tmp_path):
    modes = [(1, "modes", {"settings": {}})]
    assert training_share(stepped(tmp_path, modes)) == 1.0


def test_without_modes_nothing_is_known(tmp_path):
    run = stepped(tmp_path)
    assert training_share(run) is None
    assert depends_on_mode(run) == ()
    assert batch_norms(run) == ()


def test_dropouts_that_drop_and_normalisations_by_the_batch_depend_on_it(tmp_path):
    told = {
        "drop": {"p": 0.1},
        "off": {"p": 0.0},
        "norm": {"type": "BatchNorm1d", "statistics": "running"},
        "layer": {"type": "LayerNorm"},
    }
    run = written(tmp_path, events=[(1, "modes", {"settings": told})])
    assert depends_on_mode(run) == ("drop", "norm")
    assert batch_norms(run) == ("norm",)
