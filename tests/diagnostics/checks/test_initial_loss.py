from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.initial_loss import expected_of, initial_loss
from probes.program.objective import Whole
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_ignorant_logits_have_log_c_and_half_their_variance(classes):
    """Drawn anew with labels of their own: the mean cross-entropy is what is expected."""
    random = torch.Generator().manual_seed(classes)
    logits = 0.3 * torch.randn(40_000, classes, generator=random, dtype=torch.float64)
    target = torch.randint(classes, (len(logits),), generator=random)
    exact, second = expected_of(logits)
    drawn = nn.functional.cross_entropy(logits, target, reduction="none")
    error = float(drawn.std()) / len(drawn) ** 0.5
    assert abs(float(drawn.mean()) - exact) < 4 * error
    assert second == pytest.approx(math.log(classes) + 0.045 * (1 - 1 / classes), abs=1e-3)
    assert exact == pytest.approx(second, rel=1e-3)


def test_of_large_logits_the_second_order_is_too_much():
    logits = 1.5 * torch.randn(100_000, 10, generator=torch.Generator().manual_seed(0))
    exact, second = expected_of(logits)
    assert exact == pytest.approx(3.200, abs=0.01)  # 3.315 to second order
    assert second == pytest.approx(3.315, abs=0.01)


def test_a_fresh_network_begins_at_log_c():
    told = initial_loss(setup())
    assert diseases(told) == []
    assert abs(number_of(told, "less that of even odds")) < 0.2
    assert number_of(told, "standard errors") < 3


def test_outputs_far_too_large():
    model = mlp(16, 32, 4)
    with torch.no_grad():
        model[2].weight *= 200
    told = initial_loss(setup(model))
    assert diseases(told) == ["bad_init_scale"]
    assert "even odds over 4 classes have 1.386" in told.told


@pytest.mark.parametrize(
    "more", [{"label_smoothing": 0.2}, {"weight": torch.tensor([1.0, 5, 1, 9])}]
)
def test_smoothing_and_weights_are_the_losss_own_business(more):
    told = initial_loss(setup(loss=nn.CrossEntropyLoss(**more)))
    assert "have 1.386" in told.told
    assert diseases(told) == []


def test_text_and_left_out_targets():
    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = nn.Embedding(11, 8), nn.Linear(8, 11)

        def forward(self, tokens):
            return self.head(self.words(tokens))

    target = torch.randint(11, (8, 12))
    target[:, 6:] = -100
    loss = lambda o, t: nn.functional.cross_entropy(o.flatten(0, 1), t.flatten())  # noqa: E731
    told = initial_loss(setup(Text(), loss, (torch.randint(11, (8, 12)), target)))
    assert f"have {math.log(11):.4g}" in told.told


def test_numbers_beside_the_best_constant():
    y = rows(64, 1)
    told = initial_loss(setup(mlp(16, 8, 1), nn.MSELoss(), (rows(), y)))
    assert diseases(told) == []
    assert f"has {float(y.var(correction=0)):.4g}" in told.told
    model = mlp(16, 8, 1)
    with torch.no_grad():
        model[2].weight *= 300
    told = initial_loss(setup(model, nn.MSELoss(), (rows(), y)))
    assert diseases(told) == ["bad_init_scale"]


def test_a_loss_that_is_not_finite():
    told = initial_loss(setup(loss=lambda o, t: (o - o).sum() / 0.0))
    assert diseases(told) == ["nonfinite_loss"]


def test_a_zero_head_has_no_spread_at_all():
    model = mlp(16, 8, 4)
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    assert diseases(initial_loss(setup(model))) == []


def test_a_loss_of_its_own_is_told_and_not_judged():
    assert "not known" in initial_loss(setup(loss=lambda o, t: o.square().mean())).told
    with pytest.raises(CannotAsk):
        initial_loss(setup(loss=Whole(lambda model, batch: model(batch[0]).square().mean())))


def test_labels_of_this_room_are_all_there():
    assert sorted(labels().unique().tolist()) == [0, 1, 2, 3]
