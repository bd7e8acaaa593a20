from __future__ import annotations

import math
import random

import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import capture
from probes.program.comparison import set_flags
from tests.probes.program.models import ENTROPY, MODELS, made, mlp, program_of, vectors


@pytest.mark.parametrize("name", MODELS)
def test_every_program_is_its_model_to_the_bit_and_it_is_noted(name):
    checked = program_of(name)[1].program.checked
    wanted = {f"{mode}/{what}" for mode in ("eval", "train") for what in ("loss", "gradient")}
    assert checked.keys() == wanted | {"eval/whole"}
    assert all(value == 0 or ("gradient" in key and value < 1e-6) for key, value in checked.items())


def test_a_model_that_computes_something_else_each_time_is_refused():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.calls = nn.Linear(6, 5), [0]

        def forward(self, x):
            self.calls[0] += 1
            return self.own(x) * self.calls[0]

    with pytest.raises(NotRecordable, match=r"program's loss differs .* when called again"):
        capture(Counting(), ENTROPY, vectors())


def test_gradients_that_a_hook_changes_are_noticed():
    model = mlp()
    model[0].weight.register_hook(lambda gradient: gradient * 0.5)
    with pytest.raises(NotRecordable, match=r"program's gradient differs .*is a hook"):
        capture(model, ENTROPY, vectors())


def test_chance_that_python_draws_costs_the_train_graph_alone():
    class Chance(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(6, 5)

        def forward(self, x):
            return self.own(x) * (random.random() if self.training else 1)

    program = capture(Chance(), ENTROPY, vectors()).program
    assert [*program.graphs] == ["eval"]
    assert program.notes[0].startswith("no train graph: the program's loss differs")


def test_a_model_that_is_not_finite_is_compared_as_such():
    model, loss, batch = made("mlp")
    with torch.no_grad():
        model[0].weight[0] = math.nan
    assert set(capture(model, loss, batch).program.checked.values()) == {0.0}


def test_flags_are_set_and_no_method_is_called():
    class Merging(nn.Module):
        def train(self, mode=True):
            raise AssertionError("called")

    model = Merging()
    set_flags({model: True}, train=False)
    assert not model.training
    set_flags({model: False}, train=True)
    assert not model.training
