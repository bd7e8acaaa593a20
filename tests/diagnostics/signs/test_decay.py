from __future__ import annotations

import json

import numpy as np
import pytest

from diagnostics.run import Run
from diagnostics.signs.decay import decay
from tests.diagnostics.written import tensor, written

STEPS = 10
WEIGHT, UPDATE, GRADIENT, RATE, COEFFICIENT = 2.0, 0.01, 0.5, 0.1, 0.2
SETTINGS = {"optimizer/0/weight_decay": [COEFFICIENT], "optimizer/0/lr": [RATE]}


def recorded(path, optimizer="SGD", weights=WEIGHT, scalars=None):
    weight = tensor("a.weight", "matrix", "4x25", trainable=True)
    series = {
        "weights": {"a.weight": {"std": weights}},
        "updates": {"a.weight": {"std": UPDATE}},
        "gradients": {"a.weight": {"norm": GRADIENT * np.sqrt(100)}},
    }
    run = written(path, [weight], series, scalars=SETTINGS if scalars is None else scalars)
    about = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(about | {"optimizers": [optimizer]}))
    return Run(run.path)


def test_what_decay_takes_is_measured_against_the_gradient(tmp_path):
    found = decay(recorded(tmp_path))
    assert found is not None
    assert found.coefficient == COEFFICIENT
    assert found.against_gradient == pytest.approx(COEFFICIENT * WEIGHT / GRADIENT)
    assert found.shrunk == 1.0
    assert found.first == 1


def test_decoupled_decay_is_measured_against_the_update(tmp_path):
    found = decay(recorded(tmp_path, "AdamW"))
    assert found is not None
    assert found.against_gradient == pytest.approx(COEFFICIENT * WEIGHT / (UPDATE / RATE))


def test_shrinking_is_from_first_to_last(tmp_path):
    found = decay(recorded(tmp_path, weights=np.linspace(2.0, 0.5, STEPS)))
    assert found is not None
    assert found.shrunk == pytest.approx(0.25)


def test_the_largest_group_counts(tmp_path):
    groups = {"optimizer/0/weight_decay": [0.0], "optimizer/1/weight_decay": [0.3, 0.4]}
    found = decay(recorded(tmp_path, scalars=groups))
    assert found is not None
    assert found.coefficient == 0.4


def test_without_the_setting_it_cannot_be_told(tmp_path):
    assert decay(recorded(tmp_path, scalars={"optimizer/0/lr": [RATE]})) is None
    assert decay(written(tmp_path / "nothing")) is None
