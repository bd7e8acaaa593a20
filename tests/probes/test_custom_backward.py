from __future__ import annotations

import inspect
import json

import pytest
import torch
from torch import nn
from torch.autograd import Function

from probes.custom_backward import CustomBackward
from probes.probe import PassProbe, StepProbe
from tests.probes.watching import Watching


class Tanh(Function):
    """Right, or with the derivative at the input in place of the output."""

    @staticmethod
    def forward(ctx, x, wrong):
        y = torch.tanh(x)
        ctx.save_for_backward(x if wrong else y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return gradient * (1 - y * y), None


apply_tanh = Tanh.apply  # known under a name of its own


class Activation(nn.Module):
    def __init__(self, wrong=True, function=apply_tanh) -> None:
        super().__init__()
        self.wrong, self.function = wrong, function

    def forward(self, x):
        return self.function(x, self.wrong)


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.01)


X = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))


def told(model, *inputs, call=None, steps=2, **keywords):
    """The events of a short training."""
    with Watching(model, sgd(model), CustomBackward()) as rig:
        for _ in range(steps):
            output = (call or model)(*(inputs or (X,)), **keywords)
            (output if isinstance(output, torch.Tensor) else output[0]).square().sum().backward()
            rig.step()
        assert rig.troubles._counts == {}
    assert {step for step, *_ in rig.kept.events} <= {1}
    return [json.loads(text) for _, kind, text in rig.kept.events if kind == "backward"]


def mlp(*wrong):
    torch.manual_seed(0)
    layers = [nn.Linear(4, 4)]
    for each in wrong:
        layers += [Activation(each), nn.Linear(4, 4)]
    return nn.Sequential(*layers)


def test_it_is_a_probe_of_passes_and_steps():
    assert isinstance(CustomBackward(), PassProbe)
    assert isinstance(CustomBackward(), StepProbe)


def test_a_wrong_one_and_a_right_one_by_their_modules():
    one, two = told(mlp(True, False))
    assert (one["module"], two["module"]) == ("1", "3")
    line = inspect.getsourcelines(Tanh)[1]
    assert one["function"] == two["function"] == f"Tanh at {__file__}:{line}"
    assert one["error"] > 0.01
    assert one["error"] == pytest.approx(
        abs(one["slope"] - one["derivative"])
        / max(abs(one["slope"]), abs(one["derivative"])),
        rel=1e-3,
    )  # fmt: skip
    assert two["error"] < 1e-6
    assert not one["identity"]


def test_without_any_the_model_is_run_no_more_than_training_runs_it():
    calls, model = [], nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    model.forward = lambda x: calls.append(1) or nn.Sequential.forward(model, x)
    assert told(model, steps=3) == []
    assert len(calls) == 3


def test_with_some_it_is_run_once_more_on_eight_rows():
    sizes, model = [], mlp(False)
    model.forward = lambda x: sizes.append(len(x)) or nn.Sequential.forward(model, x)
    assert len(told(model, steps=3)) == 1
    assert sizes == [20, 8, 20, 20]


class Block(nn.Module):
    """Uses the function in its own forward, beside layers."""

    def __init__(self, wrong=True) -> None:
        super().__init__()
        self.linear, self.wrong = nn.Linear(4, 4), wrong

    def forward(self, x, scale=1.0):
        stop = self.linear(x).detach()  # slopes of the block are none of the function's
        return Tanh.apply(self.linear(x), self.wrong) + stop * scale


@pytest.mark.parametrize("wrong", [True, False])
def test_one_between_the_layers_of_a_block(wrong):
    (found,) = told(nn.Sequential(nn.Linear(4, 4), Block(wrong), nn.Linear(4, 1)))
    assert found["module"] == "1"
    assert (found["error"] > 0.01) is wrong
    assert wrong or found["error"] < 1e-6


def test_one_in_the_model_itself_that_is_called_with_keywords():
    block = Block()
    (found,) = told(block, call=lambda x: block(x=x, scale=2.0))
    assert found["module"] == ""
    assert found["error"] > 0.01


class Steps(Function):
    @staticmethod
    def forward(ctx, x, _):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Reversed(Function):
    @staticmethod
    def forward(ctx, x, _):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient, None


def test_straight_through_has_a_slope_of_nothing():
    (found,) = told(nn.Sequential(nn.Linear(4, 4), Activation(function=Steps.apply)))
    assert found["slope"] == 0
    assert found["derivative"] != 0
    assert found["error"] == 1
    assert not found["identity"]


def test_gradients_reversed_are_those_of_an_identity():
    (found,) = told(nn.Sequential(nn.Linear(4, 4), Activation(function=Reversed.apply)))
    assert found["derivative"] == pytest.approx(-found["slope"])
    assert found["identity"]


class Modern(Function):
    """Sets its context up in a method of its own."""

    @staticmethod
    def forward(x, _):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 0.5 * ctx.saved_tensors[0].cos(), None


class Inherited(Tanh):
    """Has its forward from elsewhere."""


@pytest.mark.parametrize("function", [Modern, Inherited, Tanh])
def test_the_function_is_left_as_it_was(function):
    before = dict(vars(function))
    (found,) = told(nn.Sequential(nn.Linear(4, 4), Activation(function=function.apply)))
    assert found["error"] > 0.01
    assert {k: v for k, v in vars(function).items() if k in before or k == "forward"} == before


def test_two_networks_each_called_by_itself():
    nets = nn.ModuleDict({"G": mlp(True), "D": mlp(False)})

    def call(x):
        for _ in range(5):
            nets["D"](x)
        return nets["D"](nets["G"](x))

    found = told(nets, call=call)
    assert [one["module"] for one in found] == ["D.1", "G.1"]
    assert [one["error"] > 0.01 for one in found] == [False, True]


def test_of_a_model_that_learns_by_itself_the_function_of_the_weights():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            return x * scale

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return None, (gradient * x).mean(0)  # should be the sum

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return Scale.apply(x, self.scale)

    (found,) = told(Own())
    assert found["error"] == pytest.approx(7 / 8, rel=1e-4)  # of eight rows


class Restless(nn.Module):
    """Changes all that a module can hold, whenever it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.3)
        self.activation, self.calls = Activation(wrong=False), 0
        self.lin = nn.Linear(4, 4)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen += len(x)
        return self.activation(self.drop(self.norm(self.lin(x + 0.1 * torch.rand_like(x)))))


def test_training_is_the_same_to_the_bit_and_hooks_do_not_hear_of_it():
    def trained(*probes):
        torch.manual_seed(3)
        model, heard = Restless(), []
        model.lin.register_forward_hook(lambda *given: heard.append(given[2].sum().item()))
        model.norm.register_forward_pre_hook(lambda *given: heard.append(len(given[1][0])))
        with Watching(model, sgd(model), *probes) as rig:
            for _ in range(3):
                model(X).square().sum().backward()
                rig.step()
        kept = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
        hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
        return rig, (kept, model.calls, heard, torch.get_rng_state().tolist(), hooks)

    rig, looked = trained(CustomBackward())
    assert len(rig.kept.events) == 1
    assert looked == trained()[1]


def test_weights_that_hooks_make_are_made():
    model = mlp(False)
    with pytest.warns(FutureWarning, match="weight_norm"):
        model[2] = nn.utils.weight_norm(model[2])
    (found,) = told(model)
    assert found["error"] < 1e-6


def test_other_probes_do_not_see_it():
    from probes.activations import Activations

    model = mlp(False)
    with Watching(model, sgd(model), Activations(), CustomBackward()) as rig:
        for _ in range(2):
            model(X).sum().backward()
            rig.step()
        counts = {row["count"] for row in rig.rows("activations").values()}
    assert counts == {80}


def test_what_cannot_be_run_again_is_left_alone():
    model, calls = mlp(True), []

    def once(x):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("once is enough")
        return nn.Sequential.forward(model, x)

    model.forward = once
    assert told(model) == []


@pytest.mark.parametrize("given", [object(), torch.zeros(1 << 22).expand(2, -1)])
def test_inputs_that_cannot_be_kept(given):
    model = mlp(True)
    model.forward = lambda x, other: nn.Sequential.forward(model, x)
    assert told(model, X, given) == []


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # torch's own doing
def test_a_compiled_model_is_left_alone():
    model = mlp(True)
    compiled = torch.compile(model, backend="eager")
    with Watching(compiled, sgd(model), CustomBackward()) as rig:
        compiled(X).sum().backward()
        rig.step()
    assert rig.kept.events == []
    torch._dynamo.reset()


def test_no_more_than_sixteen_are_looked_at():
    assert len(told(mlp(*[False] * 20))) == 16
