from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from probes.directional import derivative


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def scaled(forward, factor=1.0):
    """A function whose backward pass is off by this factor."""

    class Scaled(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                (found,) = torch.autograd.grad(forward(leaf), leaf, gradient)
            return factor * found

    return Scaled.apply


SMOOTH = {
    "tanh": torch.tanh,
    "sinus": torch.sin,
    "softmax": lambda x: x.softmax(-1),
    "relu": torch.relu,
    "a norm": lambda x: x / x.norm(dim=-1, keepdim=True),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_right_backward_pass(name):
    x = normal(6, 5)
    x[x.abs() < 0.5] = 0  # kinks are common places
    assert derivative(scaled(SMOOTH[name]), [x], [0]).error < 1e-6


@pytest.mark.parametrize("factor", [-1.0, 0.5, 1.01, 3.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_one_that_is_off_by_a_factor(name, factor):
    found = derivative(scaled(SMOOTH[name], factor), [normal(6, 5)], [0])
    assert found.said == pytest.approx(factor * found.slope, rel=1e-6)
    assert found.error == pytest.approx(abs(factor - 1) / max(1, abs(factor)), rel=1e-4)


class TanhOfInput(Function):
    """Saves the wrong tensor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (1 - x * x)


def test_the_slope_is_the_slope_whatever_the_backward_pass_says():
    found = derivative(TanhOfInput.apply, [torch.full((1, 1), 0.4)], [0])
    ratio = found.said / found.slope  # at some 0.404, moved away from zero
    x = np.linspace(0.4, 0.43, 3001)
    possible = (1 - x**2) / (1 - np.tanh(x) ** 2)
    assert possible.min() - 1e-6 <= ratio <= possible.max() + 1e-6
    assert derivative(TanhOfInput.apply, [2 * normal(20, 5)], [0]).error > 0.5


class Rounded(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def test_straight_through_has_no_slope_but_a_derivative():
    found = derivative(Rounded.apply, [3 * normal(8, 4)], [0])
    assert found.slope == 0
    assert abs(found.said) > 0.1
    assert found.error == 1
    assert found.is_straight_through


class Linear(Function):
    """Forgets to add the bias's gradient up, or transposes the weight's."""

    @staticmethod
    def forward(ctx, x, weight, bias, fault):
        ctx.save_for_backward(x, weight)
        ctx.fault = fault
        return x @ weight.T + bias

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        of_weight = gradient.T @ x
        if ctx.fault == "weight":
            of_weight = of_weight.T.contiguous()
        of_bias = gradient.mean(0) if ctx.fault == "bias" else gradient.sum(0)
        return gradient @ weight, of_weight, of_bias, None


@pytest.mark.parametrize(("fault", "error"), [(None, 0), ("bias", 5 / 6), ("weight", None)])
def test_of_several_inputs_the_worst(fault, error):
    given = [normal(6, 4), normal(4, 4, seed=1), normal(4, seed=2), fault]
    found = derivative(Linear.apply, given, [0, 1, 2])
    if error is None:
        assert found.error > 0.1
        assert derivative(Linear.apply, given, [0, 2]).error < 1e-6
    else:
        assert found.error == pytest.approx(error, abs=1e-6)


class Partly(Function):
    """Of its second input there is no gradient, of its second output none either."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(y)
        rest = 7 * x
        ctx.mark_non_differentiable(rest)
        return x * y, rest

    @staticmethod
    def backward(ctx, gradient, _):
        (y,) = ctx.saved_tensors
        return gradient * y, None


def test_what_has_no_gradient_is_not_wrong():
    x, y = normal(5, 3), normal(5, 3, seed=1)
    assert derivative(Partly.apply, [x, y], [0, 1]).error < 1e-6
    assert derivative(Partly.apply, [x, y], [1]) is None


class InPlace(Function):
    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)


def test_a_function_that_changes_its_input():
    x = normal(4, 3)
    before = x.clone()
    assert derivative(InPlace.apply, [x], [0]).error < 1e-6
    assert torch.equal(x, before)


class Dropped(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mask = (torch.rand_like(x) > 0.5) * 2
        return x * ctx.mask

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.mask


def test_random_numbers_are_the_same_every_time_and_training_gets_others():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert derivative(Dropped.apply, [normal(6, 5)], [0]).error < 1e-6
    assert torch.equal(torch.get_rng_state(), before)


class Single(Function):
    """Made for single precision."""

    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.cos()


def test_a_function_that_takes_single_precision_only():
    assert derivative(Single.apply, [normal(6, 5)], [0]).error < 1e-3


class Noise(Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        Noise.calls += 1
        return x + np.sin(1e3 * Noise.calls)

    @staticmethod
    def backward(ctx, gradient):
        return 5 * gradient


class Fails(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("on purpose")


@pytest.mark.parametrize("function", [Noise.apply, Fails.apply])
def test_where_it_cannot_be_told_nothing_is(function):
    assert derivative(function, [normal(6, 5)], [0]) is None


def test_twice_the_same():
    one, two = (derivative(TanhOfInput.apply, [normal(6, 5)], [0]) for _ in range(2))
    assert one == two
    assert one != derivative(TanhOfInput.apply, [normal(6, 5)], [0], seed=1)
