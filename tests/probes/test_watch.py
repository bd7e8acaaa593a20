from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.modules import module as hooks

from diagnostics import Run
from probes import ActivationGradients, Activations, Gradients, Recorder, Updates, Weights
from tests.probes.watching import Seen, Watching
from tests.trainings import mlp, train


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def scaled(model, scale):
    """An optimizer as a GradScaler leaves it: it divides the gradients by itself."""
    optimizer = torch.optim.SGD(model.parameters(), 0.0, fused=True)
    optimizer.grad_scale, optimizer.found_inf = torch.tensor(scale), torch.tensor(0.0)
    return optimizer


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_step_gives_a_row_of_every_series_for_every_tensor():
    model = mlp()
    probes = [Gradients(), Weights(), Updates(), Activations(), ActivationGradients()]
    with Watching(model, sgd(model), *probes) as rig:
        model(numbers(4, 8)).sum().backward()
        rig.step()
        found = {probe.series: set(rig.rows(probe.series)) for probe in probes}
    parameters = {name for name, _ in model.named_parameters()}
    modules = {name for name, _ in model.named_modules() if name}
    assert found == {
        "gradients": parameters, "weights": parameters, "updates": parameters,
        "activations": modules, "activation_gradients": modules,
    }  # fmt: skip


def test_nothing_of_one_step_gets_into_the_next():
    model = mlp()
    with Watching(model, sgd(model), Activations(), ActivationGradients()) as rig:
        model(numbers(4, 8)).sum().backward()
        rig.step()
        rig.step()
        assert rig.rows("activations") == rig.rows("activation_gradients") == {}


def test_what_flowed_back_is_divided_by_the_scale_and_nothing_else_is():
    def rows(scale):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
        probes = [Activations(), ActivationGradients()]
        with Watching(model, scaled(model, scale), *probes) as rig:
            (scale * model(numbers(5, 4)).square().sum()).backward()
            rig.step()
            return rig.rows("activations"), rig.rows("activation_gradients")

    for one, other in zip(rows(1.0), rows(256.0), strict=True):
        assert one.keys() == other.keys() == {"0", "1"}
        for name in one:
            assert one[name] == pytest.approx(other[name], nan_ok=True, rel=1e-5)


def test_of_two_optimizers_each_is_asked_for_its_own_and_scaled_by_its_own():
    parts = nn.ModuleDict({"a": nn.Linear(4, 1), "b": nn.Linear(4, 1)})
    scales = {"a": 8.0, "b": 2.0}
    optimizers = [scaled(parts[name], scale) for name, scale in scales.items()]
    with Watching(parts, optimizers, Gradients(), ActivationGradients()) as rig:
        for n, (name, scale) in enumerate(scales.items()):
            (scale * parts[name](numbers(3, 4))).sum().backward()
            rig.before(n)
            optimizers[n].step()
            rig.watch.after(n)
        rig.finish()
        flowed, norms = rig.rows("activation_gradients"), rig.rows("gradients")
    assert {name: row["mean"] for name, row in flowed.items()} == {"a": 1.0, "b": 1.0}
    sums = float(numbers(3, 4).sum(0).norm())
    assert [norms[f"{name}.weight"]["norm"] for name in "ab"] == pytest.approx([sums] * 2)


def test_parameters_that_come_with_a_new_group_are_looked_at():
    model = nn.ModuleDict({"old": nn.Linear(4, 4)})
    optimizer = sgd(model)
    with Watching(model, optimizer, Weights()) as rig:
        rig.step()
        assert set(rig.rows("weights")) == {"old.weight", "old.bias"}
        model["new"] = nn.Linear(4, 4)
        optimizer.add_param_group({"params": list(model["new"].parameters())})
        rig.step()
        assert set(rig.rows("weights")) == {"old.weight", "old.bias", "new.weight", "new.bias"}


def test_layers_select_outputs_and_parameters():
    model = nn.ModuleDict({"encoder": nn.ModuleDict({"a": nn.Linear(4, 4)}), "b": nn.Linear(4, 1)})
    with Watching(model, sgd(model), Weights(), Activations(), layers="encoder.*") as rig:
        model["b"](model["encoder"]["a"](numbers(3, 4))).sum().backward()
        rig.step()
        assert set(rig.rows("activations")) == {"encoder.a"}
        assert set(rig.rows("weights")) == {"encoder.a.weight", "encoder.a.bias"}


class Ending:
    series, state = "ending", "at the end"

    def __init__(self, failing=""):
        self.failing, self.moments = failing, []

    def step(self, moment):
        self.moments.append(moment)
        if self.failing == "step":
            raise RuntimeError("a probe's own fault")
        moment.scalar("a", 1.5)
        moment.array("b", torch.ones(2), "two ones")
        moment.event("c", "words")

    def close(self, moment):
        self.moments.append(moment)
        if self.failing == "close":
            raise RuntimeError("a probe's own fault")


def test_a_probe_is_asked_at_the_end_of_a_step_and_of_all():
    model, probe = mlp(), Ending()
    optimizer = sgd(model)
    with Watching(model, optimizer, probe) as rig:
        rig.step()
        rig.step()
    kept, steps = rig.kept, [moment.step for moment in probe.moments]
    assert steps == [1, 2, 2]
    assert probe.moments[0].model is model
    assert list(probe.moments[0].optimizers) == [optimizer]
    assert kept.scalars == [(1, "a", 1.5), (2, "a", 1.5)]
    assert [(at, name, v.tolist(), about) for at, name, v, about in kept.arrays] == [
        (1, "b", [1, 1], "two ones"), (2, "b", [1, 1], "two ones"),
    ]  # fmt: skip
    assert kept.events == [(1, "c", "words"), (2, "c", "words")]


@pytest.mark.parametrize(("failing", "asked"), [("step", 3), ("close", 6)])
def test_a_probe_that_fails_at_the_end_is_left_alone_after_three(caplog, failing, asked):
    model, probe = mlp(), Ending(failing)
    with Watching(model, sgd(model), probe, Weights()) as rig:
        for _ in range(5):
            rig.step()
            assert rig.rows("weights")
    assert len(probe.moments) == asked
    assert caplog.text.count("a probe's own fault") == 1


def test_an_output_of_another_kind_is_said_once(caplog):
    model = nn.Sequential(nn.Linear(4, 4), nn.AdaptiveMaxPool1d(2, return_indices=True))
    with Watching(model, sgd(model), Activations()) as rig:
        for _ in range(3):
            model(numbers(3, 4))[0].sum().backward()
            rig.step()
        assert set(rig.rows("activations")) == {"0", "1[0]"}
    assert caplog.text.count("1[1] is sparse or of a kind that is not recorded") == 1


def test_when_all_is_left_nothing_is_attached():
    model = mlp()
    rig = Watching(model, sgd(model), Activations(), Seen())
    rig.watch.arm()
    assert hooks._global_forward_hooks
    rig.leave()
    assert not hooks._has_any_global_hook()
    assert not any(module._forward_hooks for module in model.modules())


def test_no_warning_filter_is_left():
    import warnings

    model, before = mlp(), list(warnings.filters)
    with Watching(model, sgd(model), Activations()):
        assert list(warnings.filters) != before
    assert list(warnings.filters) == before


def test_time_in_the_hooks_is_counted_once():
    model = mlp()
    with Watching(model, sgd(model), Activations()) as rig:
        model(numbers(4, 8)).sum().backward()
        spent = rig.watch.take_spent()
        assert rig.watch.take_spent() == 0
    assert 0 < spent < 1


@pytest.mark.parametrize("resume", [False, True])
def test_outputs_are_described_by_the_layer_that_gave_them(tmp_path, resume):
    model = mlp()
    for again in (False, True)[: 1 + resume]:
        with Recorder(model, sgd(model), tmp_path / "run", every=3, resume=again) as recorder:
            train(model, recorder._optimizers[0], steps=4, recorder=recorder)
        assert not hooks._has_any_global_hook()
    found = Run(tmp_path / "run").tensors
    outputs = {name: t for name, t in found.items() if t.role == "output"}
    assert outputs.keys() == {name for name, _ in model.named_modules() if name}
    info = outputs["1"]
    assert (info.module, info.module_type, info.shape) == ("1", "ReLU", "12x16")
    depths = [outputs[name].depth for name, _ in model.named_modules() if name]
    assert depths == sorted(depths)
    assert outputs["0"].depth == found["0.weight"].depth


def test_the_order_of_the_first_forward_pass_is_watched_in_the_first_recorded_step_alone():
    model = mlp()
    with Watching(model, sgd(model), Weights()) as rig:
        assert hooks._global_forward_pre_hooks
        model(numbers(4, 8)).sum().backward()
        rig.step()
        assert not hooks._global_forward_pre_hooks
        assert rig.watch.describe("0.weight").depth == 1
