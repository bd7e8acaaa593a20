from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.gradient import LADDER, affordable, gradient, slope, user_functions
from tests.diagnostics.checks.parts import diseases, mlp, number_of, setup


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, wrong):
        y = x.tanh()
        ctx.save_for_backward(x if wrong else y)
        return y

    @staticmethod
    def backward(ctx, given):
        (saved,) = ctx.saved_tensors
        return given * (1 - saved * saved), None


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (8 * x).round() / 8

    @staticmethod
    def backward(ctx, given):
        return given


class Applied(nn.Module):
    def __init__(self, function, *more):
        super().__init__()
        self.function, self.more = function, more

    def forward(self, x):
        return self.function.apply(x, *self.more)


def between(module):
    torch.manual_seed(0)
    return setup(nn.Sequential(nn.Linear(16, 32), module, nn.Linear(32, 4)))


def test_a_cubes_slope_is_off_by_the_step_squared():
    """((1 + h)³ - (1 - h)³) / 2h = 3 + h²: with the right derivative the ladder finds it."""
    found = slope(lambda h: (1 + h) ** 3, 3.0)
    assert found.error < 1e-6
    assert found.difference == pytest.approx(3.0, abs=1e-5)
    wrong = slope(lambda h: (1 + h) ** 3, 3.3)  # and a wrong one no step size saves
    assert wrong.error == pytest.approx((3.3 - 3.01) / 3.3)


def test_at_a_kink_any_slope_between_the_two_is_a_gradient():
    assert slope(abs, 0.0).error == 0.0
    assert slope(abs, 0.7).error == pytest.approx(0.0, abs=1e-6)
    assert slope(abs, 1.5).error == pytest.approx(1 / 3, abs=1e-3)
    assert slope(lambda h: max(h, 0.0), 1.0).kinks > 0


def test_there_is_time_for_so_many_steps():
    assert affordable(0.001, 10.0) == [*LADDER]
    assert affordable(1.0, 7.0) == pytest.approx([1e-5, 1e-6, 1e-7])
    with pytest.raises(CannotAsk, match="takes 2 s, and there is no time"):
        affordable(2.0, 7.0)


def test_what_never_changes_is_flat():
    assert slope(lambda h: 2.0, 1.0).flat
    assert not slope(lambda h: h, 1.0).flat


@pytest.mark.parametrize("act", [nn.Tanh, nn.ReLU, nn.GELU])
def test_autograd_is_right(act):
    told = gradient(setup(mlp(16, 32, 32, 4, act=act)))
    assert diseases(told) == []
    assert number_of(told, "error") < 1e-5


@pytest.mark.parametrize("wrong", [True, False])
def test_a_backward_of_the_users(wrong):
    told = gradient(between(Applied(Tanh, wrong)))
    assert diseases(told) == (["wrong_gradient"] if wrong else [])
    if wrong:
        assert told.findings[0].layers == ("1",)
        assert told.findings[0].severity == "error"
        assert "backward of Tanh" in told.findings[0].symptom


def test_a_straight_through_estimator_is_a_hint():
    told = gradient(between(Applied(Rounded)))
    assert [(f.disease, f.severity) for f in told.findings] == [("wrong_gradient", "hint")]


def test_dropout_batch_statistics_and_spectral_norm_are_no_fault():
    torch.manual_seed(0)
    spectral = torch.nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        spectral(nn.Linear(16, 32)),
        nn.BatchNorm1d(32),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(32, 4),
    )
    assert diseases(gradient(setup(model))) == []


def test_the_users_own_functions_are_named():
    x = torch.ones(3, requires_grad=True)
    assert user_functions(Tanh.apply(x, True).exp().sum()) == ["Tanh"]
    assert user_functions(x.exp().sum()) == []


def test_the_model_stays_in_single_precision():
    asked = setup()
    gradient(asked)
    assert asked.model[0].weight.dtype == torch.float32
    assert torch.get_default_dtype() == torch.float32
