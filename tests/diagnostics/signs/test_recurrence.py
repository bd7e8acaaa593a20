from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor, nn

from diagnostics import Run
from diagnostics.signs.recurrence import recurrences
from tests.diagnostics.recurrent import Cell
from tests.trainings import record


class Plain(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.rnn, self.head = kind(2, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x.view(len(x), 4, 2).repeat(1, 3, 1))[0][:, -1])


def look(path, model):
    return recurrences(Run(record(path / "run", model, steps=3, rate=1e-6)))


@pytest.mark.parametrize("size", [0.5, 1.6])
def test_a_layer_called_again_and_again_multiplies_the_gradient_by_its_matrix(tmp_path, size):
    (found,) = look(tmp_path, Cell(size))
    assert (found.layer, found.times) == ("step", 12)
    # Eleven matrices lie between the first and the last gradient; its elements differ too.
    assert np.log2(found.left) == pytest.approx(11 * np.log2(size), abs=4)


def test_a_rotation_keeps_it(tmp_path):
    (found,) = look(tmp_path, Cell(1.0))
    assert 2**-8 < found.left <= 1


def test_of_an_rnn_the_matrix_tells(tmp_path):
    model = Plain(nn.RNN)
    nn.init.orthogonal_(model.rnn.weight_hh_l0, 0.5)
    (found,) = look(tmp_path, model)
    assert (found.layer, found.times) == ("rnn", 12)
    assert found.left == pytest.approx(0.5**12, rel=0.05)


@pytest.mark.parametrize("model", [lambda: Plain(nn.GRU), lambda: nn.Linear(8, 3)])
def test_gates_and_plain_layers_are_not_judged(tmp_path, model):
    assert look(tmp_path, model()) == ()
