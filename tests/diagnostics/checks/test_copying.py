from __future__ import annotations

import torch
from torch import nn
from torch.optim import Adam

from diagnostics.checks.copying import copied
from probes.program.objective import Whole

MODEL = nn.Linear(3, 1)


def penalty_by_name(output, target):
    return output.sum() + MODEL.weight.square().sum()


def test_a_copied_optimizer_holds_the_copys_parameters():
    model = nn.Linear(3, 1)
    optimizer = Adam(model.parameters(), 1e-3)
    twin, _, (other,) = copied(model, None, (optimizer,))
    assert other.param_groups[0]["params"][0] is twin.weight
    assert twin.weight is not model.weight
    assert optimizer.param_groups[0]["params"][0] is model.weight


def test_a_penalty_in_a_closure_speaks_of_the_copy():
    model = nn.Linear(3, 1)
    loss = lambda output, target: output.sum() + model.weight.square().sum()  # noqa: E731
    twin, other, _ = copied(model, loss, ())
    with torch.no_grad():
        twin.weight.fill_(2.0)
    assert other(torch.zeros(1), None).item() == 12.0
    assert loss(torch.zeros(1), None).item() != 12.0


def test_so_does_one_of_a_list_of_parameters_and_of_a_function_within():
    model = nn.Linear(3, 1)
    weights = [model.weight]
    inner = lambda: sum(w.sum() for w in weights)  # noqa: E731
    twin, other, _ = copied(model, lambda output, target: inner(), ())
    with torch.no_grad():
        twin.weight.fill_(5.0)
    assert other(None, None).item() == 15.0


def test_and_one_of_a_name_of_the_module():
    twin, other, _ = copied(MODEL, penalty_by_name, ())
    with torch.no_grad():
        twin.weight.fill_(3.0)
    assert other(torch.zeros(1), None).item() == 27.0
    assert penalty_by_name.__globals__["MODEL"] is MODEL


def test_a_whole_loss_and_a_plain_one():
    model = nn.Linear(3, 1)
    whole = Whole(lambda model, batch: model(batch).sum())
    assert isinstance(copied(model, whole, ())[1], Whole)
    plain = nn.functional.mse_loss
    assert copied(model, plain, ())[1] is plain
