from __future__ import annotations

import math
import random
import re

import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import capture
from probes.program.batching import FEW
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

    random.seed(0)
    program = capture(Chance(), ENTROPY, vectors()).program
    assert [*program.graphs] == ["eval"]
    assert re.match("no train graph: the program's (loss|gradient) differs", program.notes[0])


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


def watched(n, refuse=lambda _: False):
    """What capture does with a batch of n: on how many examples the live model is run."""
    sizes = []

    class Seen(nn.Linear):
        def forward(self, x):
            if type(x) is torch.Tensor:  # and none without memory, as an export has them
                sizes.append(len(x))
                if refuse(len(x)):
                    raise RuntimeError("not of this size")
            return super().forward(x)

    torch.manual_seed(0)
    return sizes, capture(Seen(6, 5), ENTROPY, vectors(n))


def test_a_large_batch_is_run_through_once_and_else_few_of_it():
    sizes, recorded = watched(5000)
    assert sizes.count(5000) == 1
    assert max(size for size in sizes if size != 5000) == FEW
    assert recorded.program.batch == len(recorded.batch["inputs"]) == 5000
    assert recorded.program.dynamic
    assert recorded.program.reduction == "mean"
    assert "examples" in recorded.program.graphs["eval"].outputs
    assert {*recorded.program.checked} >= {"eval/whole", "train/gradient"}


def test_a_small_one_is_compared_whole():
    sizes, _ = watched(8)
    assert {*sizes} == {2, 8}


def test_a_model_that_takes_no_few_is_tried_on_all():
    sizes, recorded = watched(1000, refuse=lambda size: size != 1000)
    assert not recorded.program.dynamic
    assert [*recorded.program.graphs] == ["eval", "train"]
    assert sizes.count(1000) >= 3
    assert len(recorded.batch["inputs"]) == 1000


def test_an_example_that_no_loss_takes_is_found_wherever_it_is():
    x, y = vectors(5000)
    y[-1] = 5
    with pytest.raises(NotRecordable, match="cannot be computed: IndexError: Target 5"):
        capture(mlp(), ENTROPY, (x, y))


def test_examples_that_lie_beyond_the_first_are_compared_too():
    """Sorted by class, as files often are: the first ones would tell nothing of the rest."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.calls = nn.Linear(6, 5), [0]

        def forward(self, x):
            self.calls[0] += 1
            return self.own(x) * torch.where(x[:, :1] > 0, self.calls[0], 1)

    x, y = vectors(2000)
    x[:, 0] = torch.arange(2000).sub(1000).clamp(-1, 1)  # those of the first half are harmless
    with pytest.raises(NotRecordable, match=r"program's loss .*differs"):
        capture(Odd(), ENTROPY, (x, y))
