from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from probes.outputs import MOST, Outputs
from probes.probe import StepProbe
from tests.probes.doubles import FakeMoment
from tests.trainings import Transformer, cnn, mlp


def predicted(probe, model, step=1):
    moment = FakeMoment(step, model)
    probe.step(moment)
    return moment


def inputs(n=5):
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(0))


class Calling(nn.Module):
    """Runs a function, and sees what the model is called with."""

    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.ones(1))

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


def test_predictions_are_the_networks_in_numpy():
    model, x = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Dropout(0.9), nn.Linear(4, 3)), inputs()
    moment = predicted(Outputs(x), model)
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
    hidden = np.tanh(x.numpy() @ weights["0.weight"].T + weights["0.bias"])
    expected = hidden @ weights["3.weight"].T + weights["3.bias"]
    np.testing.assert_allclose(moment.arrays["outputs"], expected, rtol=1e-5, atol=1e-6)
    assert moment.about["outputs"] == "[example, output]"
    np.testing.assert_array_equal(moment.arrays["outputs/inputs"], x.numpy())


def test_inputs_are_told_once():
    probe = Outputs(inputs(), every=1)
    assert isinstance(probe, StepProbe)
    model = mlp()
    assert set(predicted(probe, model, 1).arrays) == {"outputs", "outputs/inputs"}
    assert set(predicted(probe, model, 2).arrays) == {"outputs"}


def steps(probe, asked) -> list[int]:
    return [step for step in asked if predicted(probe, nn.Identity(), step).arrays]


def test_sixteen_predictions_in_each_tenfold_of_steps():
    found = np.array(steps(Outputs(inputs()), range(1, 10_001)))
    assert found[:10].tolist() == list(range(1, 11))
    for low in (100, 1000):
        assert ((found > low) & (found <= 10 * low)).sum() == 16
    assert {1, 10, 100, 1000, 10_000} <= set(found.tolist())
    gaps = np.diff(np.log10(found[found >= 100]))
    assert gaps.max() < 1.25 / 16
    assert gaps.min() > 0.75 / 16


def test_between_records_the_next_one_is_taken():
    assert steps(Outputs(inputs(), every=10), range(3, 60, 4)) == [3, 11, 23, 31, 43, 51]
    assert steps(Outputs(inputs()), [0, 7000, 7001, 50_000]) == [0, 7000, 50_000]


def said(probe, asked) -> list[str]:
    """In each step's events, in the order of the steps."""
    moments = [predicted(probe, nn.Identity(), step) for step in asked]
    return [text for moment in moments for _, text in moment.events]


def test_a_prediction_that_was_asked_for_and_left_out_is_told_once():
    (told,) = said(Outputs(inputs(), every=2), [2, 4, 9, 10, 30])
    assert "every 2 steps, and none was at step 6" in told
    assert "Recorder(every=2)" in told


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        (Outputs(torch.ones(1, 8), every=1), [500, 501, 502]),  # it went on from there
        (Outputs(torch.ones(1, 8), every=10), [3, 11, 23, 31]),  # a little late, and none missing
        (Outputs(torch.ones(1, 8)), [1, 10, 1000]),  # nobody asked for each
    ],
)
def test_where_none_is_missing_nothing_is_said(probe, asked):
    assert said(probe, asked) == []


@pytest.mark.parametrize("every", [0, -2])
def test_every_counts_from_one(every):
    with pytest.raises(ValueError, match=f"every={every}"):
        Outputs(inputs(), every=every)


@pytest.mark.parametrize("nothing", ["text", (), {"a": 1}])
def test_inputs_without_a_tensor_are_refused(nothing):
    with pytest.raises(ValueError, match="without a tensor"):
        Outputs(nothing)


@dataclass
class Batch:
    x: torch.Tensor
    name: str = "a"


def test_it_can_be_told_later_what_to_call_the_model_with():
    probe = Outputs()
    assert not probe.is_fed
    with pytest.raises(ValueError, match="without a tensor"):
        probe.feed("text")
    probe.feed(torch.ones(2, 3))
    assert probe.is_fed


def test_ways_to_call_a_model():
    x = inputs()
    for given in (x, (x, x), {"x": x, "scale": 2}, [x, x], Batch(x), ({"x": x},), (Batch(x), 3)):
        seen = []
        model = Calling(lambda self, *a, seen=seen, **k: seen.append((a, k)) or torch.ones(2))
        predicted(Outputs(given), model)
        ((args, keywords),) = seen
        as_args = given if isinstance(given, tuple) else () if isinstance(given, dict) else (given,)
        assert_same(args, as_args)
        assert_same(keywords, given if isinstance(given, dict) else {})


def assert_same(a, b):
    if isinstance(b, torch.Tensor):
        assert torch.equal(a, b)
        assert a is not b
    elif isinstance(b, Batch):
        assert type(a) is Batch
        assert_same(vars(a), vars(b))
    elif isinstance(b, dict):
        assert a.keys() == b.keys()
        for key in b:
            assert_same(a[key], b[key])
    elif isinstance(b, (tuple, list)):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(0, 8),
        torch.full((2, 8), float("nan")),
        torch.arange(6).view(2, 3),
        torch.tensor([[True], [False]]),
        torch.tensor(3.0),
        torch.ones(2, 3, dtype=torch.bfloat16),
        torch.ones(2, 3, dtype=torch.complex64),
        torch.ones(2, 3, requires_grad=True),
    ],
)
def test_inputs_of_any_kind(x):
    moment = predicted(Outputs(x), nn.Identity())
    got = moment.arrays["outputs"]
    real = torch.view_as_real(x) if x.is_complex() else x
    expected = real.detach().float().numpy()
    assert got.dtype == np.float32
    width = int(np.prod(expected.shape[1:])) if expected.ndim else 1
    np.testing.assert_array_equal(got, expected.reshape(len(x) if x.ndim else 1, width))
    np.testing.assert_array_equal(moment.arrays["outputs/inputs"], expected)


def test_outputs_of_any_shape():
    t = torch.arange(12.0)
    for output, expected in (
        (t, t[:, None]),
        (t.view(3, 2, 2), t.view(3, 4)),
        ((None, [t.view(3, 4), t]), t.view(3, 4)),
        ({"loss": t[0], "logits": t.view(3, 4)}, t.view(3, 4)),
        (Batch(t.view(3, 4)), t.view(3, 4)),
        (t[5], t[5].view(1, 1)),
    ):
        model = Calling(lambda self, x, output=output: output)
        got = predicted(Outputs(inputs()), model).arrays["outputs"]
        np.testing.assert_array_equal(got, expected.numpy())


def test_an_object_with_logits():
    class Output:
        loss, logits = torch.zeros(()), torch.ones(2, 3)

    model = Calling(lambda self, x: Output())
    assert predicted(Outputs(inputs()), model).arrays["outputs"].shape == (2, 3)


def test_a_model_that_gives_no_tensor():
    model = Calling(lambda self, x: {"text": "a"})
    with pytest.raises(TypeError, match="gives a dict without a tensor"):
        predicted(Outputs(inputs()), model)


def test_very_wide_outputs_are_thinned_and_it_is_said():
    wide = torch.arange(4.0 * 50_000).view(4, 50_000)
    moment = predicted(Outputs(inputs()), Calling(lambda self, x: wide))
    assert moment.arrays["outputs"].size <= MOST
    np.testing.assert_array_equal(moment.arrays["outputs"], wide.numpy()[:, ::4])
    assert moment.about["outputs"] == "[example, output], every 4. of 50000 outputs"


def test_very_large_inputs_are_not_recorded_and_it_is_said():
    moment = predicted(Outputs(torch.zeros(5, 1 << 20)), Calling(lambda self, x: x[:, :2]))
    assert set(moment.arrays) == {"outputs"}
    assert moment.events == [
        ("outputs", "inputs of 5242880 elements are not recorded: over 4194304")
    ]


def everything(model, optimizer) -> Iterator[object]:
    """Every bit that a training depends on."""
    yield [(name, m.training, sorted(vars(m))) for name, m in model.named_modules()]
    for tensor in (*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters())):
        yield tensor.numpy(force=True).tobytes()
        yield tensor._version
    yield torch.get_rng_state().numpy().tobytes()
    yield random.getstate()
    yield str(optimizer.state_dict())


@pytest.mark.parametrize("make", [mlp, cnn, Transformer])
def test_training_is_left_as_it_was(make):
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters())
    next(model.children()).eval()  # flags that differ
    model(inputs()).sum().backward()
    optimizer.step()
    before = list(everything(model, optimizer))
    x = inputs()
    moment = predicted(Outputs(x), model)
    assert list(everything(model, optimizer)) == before
    assert torch.equal(x, inputs())
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(x)
    np.testing.assert_array_equal(moment.arrays["outputs"], expected.numpy())


def test_a_training_with_it_is_bit_for_bit_one_without():
    def train(probe):
        torch.manual_seed(0)
        model = cnn()
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        for step in range(1, 8):
            optimizer.zero_grad()
            model(torch.randn(12, 8)).square().mean().backward()
            optimizer.step()
            if probe is not None:
                predicted(probe, model, step)
        return [tensor.clone() for tensor in model.state_dict().values()]

    with_it, without = train(Outputs(inputs(), every=1)), train(None)
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


class Restless(nn.Module):
    """Changes all it can, in evaluation too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 2)
        self.register_buffer("calls", torch.zeros(3))
        self.register_buffer("replaced", torch.zeros(2))
        self.hidden, self.losses, self.cache, self.names = None, [1.0], {"a": 1}, {"x"}

    def train(self, mode=True):
        raise AssertionError("a model may do anything in train()")

    def forward(self, x):
        self.calls += 1
        self.replaced = torch.ones(5)
        self.hidden = x.mul_(2)
        self.losses.append(2.0)
        self.cache["b"] = self.cache.pop("a")
        self.names.add("y")
        self.late = 1
        self.linear.train(True)
        return self.linear(x) + torch.rand(1)


def test_a_model_that_changes_itself_is_put_back():
    torch.manual_seed(0)
    model, x = Restless(), inputs()
    model.linear.training = False
    calls, replaced, rng = model.calls, model.replaced, torch.get_rng_state()
    first = predicted(Outputs(x, every=1), model)
    assert model.calls is calls
    assert model.replaced is replaced
    assert calls.tolist() == [0, 0, 0]
    assert replaced.shape == (2,)
    assert (model.hidden, model.losses) == (None, [1.0])
    assert (model.cache, model.names) == ({"a": 1}, {"x"})
    assert not hasattr(model, "late")
    assert model.training
    assert not model.linear.training
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.equal(x, inputs())
    again = predicted(Outputs(x, every=1), model)
    np.testing.assert_array_equal(first.arrays["outputs"], again.arrays["outputs"])


def test_inputs_stay_the_same_whatever_happens_to_them():
    x = inputs()
    probe = Outputs(x, every=1)
    x.zero_()
    for step in (1, 2):
        got = predicted(probe, Calling(lambda self, x: x.mul_(2)), step).arrays["outputs"]
        np.testing.assert_array_equal(got, 2 * inputs().numpy())


def test_an_exception_leaves_all_as_it_was_and_gets_out():
    def fail(self, x):
        torch.rand(3)
        self.mark = 1
        raise RuntimeError("no")

    model, rng = nn.Sequential(nn.Dropout(), Calling(fail)), torch.get_rng_state()
    with pytest.raises(RuntimeError, match="no"):
        predicted(Outputs(inputs()), model)
    assert all(module.training for module in model.modules())
    assert not hasattr(model[1], "mark")
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.is_grad_enabled()


def test_there_are_no_gradients_but_no_inference_mode_either():
    def look(self, x):
        assert not torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not self.training
        return x * self.weight

    predicted(Outputs(inputs()), Calling(look))


def test_precision_is_as_asked_for_and_not_as_around():
    model, x = nn.Linear(8, 2), inputs()
    with torch.autocast("cpu", torch.bfloat16):
        plain = predicted(Outputs(x), model).arrays["outputs"]
        predicted(Outputs(x, autocast=torch.bfloat16), model)
        model(x).sum().backward()  # no weight cast without gradients was kept
    assert model.weight.grad is not None
    np.testing.assert_allclose(plain, model(x).detach().numpy(), rtol=1e-6)
    rounded = predicted(Outputs(x, autocast=torch.bfloat16), model).arrays["outputs"]
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(rounded, model(x).detach().float().numpy())
    assert not np.array_equal(rounded, plain)


def test_several_processes_are_left_alone(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    probe, model = Outputs(inputs(), every=1), Calling(None)
    first = predicted(probe, model)
    assert first.arrays == {}
    ((kind, text),) = first.events
    assert kind == "outputs"
    assert "several processes" in text
    assert predicted(probe, model, 2).events == []


# Importing torch.compile's machinery warns of its own deprecated parts.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_compiled_model_is_called_without_its_compiler(wrapped):
    torch.compiler.reset()
    compiled, x = [], inputs()
    inner = Calling(lambda self, x: nn.functional.dropout(x, 0.5, self.training) * self.weight)

    def backend(graph, _):
        compiled.append(graph)
        return graph.forward

    model = inner
    if wrapped:
        model = torch.compile(inner, backend=backend)
    else:
        inner.compile(backend=backend)
    model(x).sum().backward()
    graphs = len(compiled)
    assert graphs > 0
    moment = predicted(Outputs(x), model)
    model(x).sum().backward()
    assert len(compiled) == graphs
    np.testing.assert_array_equal(moment.arrays["outputs"], x.numpy())
