from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.penalty import penalty
from probes.program.objective import Whole
from tests.diagnostics.checks.parts import diseases, mlp, number_of, setup


def penalised(sign, power=2):
    model = mlp(16, 8, 4)
    plain = nn.CrossEntropyLoss()

    def loss(output, target):
        return plain(output, target) + sign * 1e-3 * sum(
            p.abs().pow(power).sum() for p in model.parameters()
        )

    return penalty(setup(model, loss))


def test_a_penalty_of_the_wrong_sign_is_found():
    told = penalised(-1)
    assert diseases(told) == ["weight_blowup"]
    assert number_of(told, "cosine") == pytest.approx(-1.0, abs=1e-6)


def test_one_of_the_right_sign_holds_back():
    told = penalised(+1)
    assert diseases(told) == []
    assert number_of(told, "cosine") == pytest.approx(1.0, abs=1e-6)


def test_of_absolute_values_the_cosine_is_that_of_weights_and_signs():
    told = penalised(-1, power=1)
    weights = torch.cat([p.detach().flatten().double() for p in mlp(16, 8, 4).parameters()])
    wanted = -float(weights.abs().sum() / (weights.norm() * len(weights) ** 0.5))
    assert number_of(told, "cosine") == pytest.approx(wanted, abs=1e-6)
    assert diseases(told) == ["weight_blowup"]


def test_a_loss_of_outputs_alone_has_none():
    told = penalty(setup())
    assert told.findings == ()
    assert "no part" in told.told


def test_a_whole_loss_cannot_be_taken_apart():
    with pytest.raises(CannotAsk):
        penalty(setup(loss=Whole(lambda model, batch: model(batch[0]).sum())))
