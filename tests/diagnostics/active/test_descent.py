import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.active.descent import DIFFERENT, NO_RATE, descent_of
from probes import OptimizerState, Outputs, Recorder


def test_rates_are_those_of_each_step_and_it_set_out_from_rest(run):
    found = descent_of(run, 12)
    assert found.rates == pytest.approx(np.repeat([0.1, 0.01], [5, 7]))
    assert (found.momentum, found.nesterov, found.started) == (0.8, False, 0)
    assert found.instead_of == ""
    assert descent_of(run, 5).rates == pytest.approx(0.1)


def test_of_another_optimizer_it_is_plain_descent_at_its_rate(trained):
    found = descent_of(Run(trained[0] / "adam"), 4)
    assert (found.rates, found.momentum, found.instead_of) == (0.01, 0.0, "Adam")


def two_steps(folder, make, probe, between=lambda optimizer: None):
    model = nn.Linear(2, 1)
    optimizer = make(model)
    with Recorder(model, optimizer, folder, every=1, probes=[probe]):
        for _ in range(2):
            model(torch.ones(3, 2)).sum().backward()
            optimizer.step()
            between(optimizer)
    return Run(folder)


SGD = {
    "weight decay": lambda m: torch.optim.SGD(m.parameters(), 0.1, weight_decay=0.01),
    "dampening": lambda m: torch.optim.SGD(m.parameters(), 0.1, momentum=0.5, dampening=0.1),
    "maximize": lambda m: torch.optim.SGD(m.parameters(), 0.1, maximize=True),
}


@pytest.mark.parametrize("what", SGD)
def test_what_is_more_than_descent_on_the_loss_is_named(tmp_path, what):
    found = descent_of(two_steps(tmp_path / "run", SGD[what], OptimizerState()), 2)
    assert found.instead_of == f"SGD with {what}"
    assert found.momentum == 0


def test_a_momentum_that_changes_is_no_one_recurrence(tmp_path):
    def less(optimizer):
        optimizer.param_groups[0]["momentum"] = 0.1

    run = two_steps(
        tmp_path / "run",
        lambda m: torch.optim.SGD(m.parameters(), 0.1, momentum=0.5),
        OptimizerState(),
        less,
    )
    assert descent_of(run, 2).instead_of == "SGD with a changing momentum"


def test_groups_with_rates_of_their_own_have_no_one_descent(tmp_path):
    def make(model):
        return torch.optim.SGD([{"params": [model.weight], "lr": 0.2}, {"params": [model.bias]}])

    assert descent_of(two_steps(tmp_path / "run", make, OptimizerState()), 2) == DIFFERENT


def test_without_a_recorded_rate_it_says_which_probe(tmp_path):
    probe = Outputs(torch.ones(3, 2))
    run = two_steps(tmp_path / "run", lambda m: torch.optim.SGD(m.parameters(), 0.1), probe)
    assert descent_of(run, 2) == NO_RATE
