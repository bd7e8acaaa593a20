"""A grid around inputs of two numbers; where there is none, no plane."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.active.line import Data
from diagnostics.active.plane import ACROSS, on_a_plane, over
from diagnostics.mc_dropout import Plan, mc_dropout
from diagnostics.subject import Subject
from probes.folder import FathomError
from tests.diagnostics.masked import masked

PAIRS = np.random.default_rng(0).standard_normal((12, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("inputs", "there"),
    [
        (PAIRS, True),
        (PAIRS[:1], False),
        (PAIRS * [1, 0], False),
        (PAIRS[:, :1], False),
        (PAIRS.reshape(3, 4, 2), False),
        (PAIRS.astype(np.int64), False),
    ],
)
def test_two_numbers_that_both_vary_are_a_plane(inputs, there):
    assert on_a_plane(Data(inputs, None, "recorded")) is there


def subject(outputs=1):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, outputs))
    return Subject(model, functional.mse_loss, (torch.tensor(PAIRS), torch.zeros(12, outputs)))


def test_behind_a_linear_layer_the_spread_at_each_crossing_is_the_closed_form():
    of, data = subject(), Data(PAIRS, np.zeros((12, 1), np.float32), "recorded")
    plane = over(of, data, lambda there: mc_dropout(there, 400, plan=Plan(masks="shared")))
    model = of._batches.source._model
    places = np.stack(np.meshgrid(plane.across, plane.up), -1).reshape(-1, 2)
    with torch.no_grad():
        hidden = model[0](torch.tensor(places, dtype=torch.float32)).numpy()
        exact = hidden**2 @ model[2].weight.numpy().T ** 2
    found = plane.ensemble.uncertainty.epistemic
    assert found.value.shape == (ACROSS**2, 1)
    apart = np.abs(found.value - exact) / found.error
    assert np.median(apart) < 3
    np.testing.assert_allclose(found.value, exact, rtol=0.6)
    assert plane.ensemble.findings == ()


def test_without_targets_the_data_lie_there_all_the_same():
    asked = []

    class Bare:
        vector = staticmethod(np.asarray)

        def on(self, batch, told):
            asked.append((batch.shape, told))
            return masked()

    plane = over(Bare(), Data(PAIRS, None, "held-out"), lambda there: mc_dropout(there, 4))
    assert asked == [((ACROSS**2, 2), f"a grid of {ACROSS} by {ACROSS} places")]
    assert np.isnan(plane.targets).all()
    assert (plane.whose, len(plane.known)) == ("held-out", 12)


def test_a_program_that_takes_no_other_batch_has_none(monkeypatch):
    of = subject()

    def refuse(*_):
        raise FathomError("a batch of 12 only")

    monkeypatch.setattr(of, "on", refuse)
    assert over(of, Data(PAIRS, None, "recorded"), lambda there: mc_dropout(there, 4)) is None
