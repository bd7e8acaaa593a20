"""Capturing: the model stays as it is, and what is captured is right whatever stands around it."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import capture, prepare
from tests.probes.program.models import (
    ENTROPY,
    MODELS,
    Mixed,
    live_loss,
    made,
    mlp,
    program_of,
    vectors,
    weights_for,
)


def state_of(model):
    """All that a capture could change."""
    modules = [
        (module, module.training, {**vars(module)}, [*module._forward_hooks])
        for module in model.modules()
    ]
    tensors = [
        (name, id(t), t._version, t.detach().clone(), t.grad, t.requires_grad)
        for name, t in (*model.named_parameters(), *model.named_buffers())
    ]
    return modules, tensors


def same(one, other):
    for (_, *before), (_, *after) in zip(one[0], other[0], strict=True):
        assert before[0] == after[0]
        assert before[1].keys() == after[1].keys()
        assert all(before[1][key] is after[1][key] for key in before[1])
        assert before[2] == after[2]
    for before, after in zip(one[1], other[1], strict=True):
        assert before[:3] == after[:3]
        assert torch.equal(before[3], after[3])
        assert before[4] is after[4]
        assert before[5] is after[5]


@pytest.mark.parametrize("name", MODELS)
def test_the_model_and_all_random_numbers_stay_as_they_are(name):
    model, loss, batch = made(name)
    live_loss(model, loss, batch).backward()
    before = state_of(model)
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    switches = torch.is_grad_enabled(), torch.get_default_dtype(), torch.is_autocast_enabled("cpu")
    capture(model, loss, batch)
    same(before, state_of(model))
    assert torch.equal(generators[0], torch.get_rng_state())
    assert generators[1] == random.getstate()
    assert all(map(np.array_equal, generators[2], np.random.get_state()))  # noqa: NPY002
    now = torch.is_grad_enabled(), torch.get_default_dtype(), torch.is_autocast_enabled("cpu")
    assert now == switches


@pytest.mark.parametrize("loss", [ENTROPY, nn.CrossEntropyLoss(reduction="none"), None])
def test_so_they_do_when_it_is_refused(loss):
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 5)).train()
    model[2].eval()
    batch = vectors()[0], torch.randint(0, 5, (3,))
    before, generator = state_of(model), torch.get_rng_state()
    with pytest.raises(NotRecordable):
        capture(model, loss, batch)
    same(before, state_of(model))
    assert torch.equal(generator, torch.get_rng_state())


def test_nothing_is_said_and_nothing_stays(capfd):
    class Branch(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NotRecordable):
            capture(Branch(6, 5), ENTROPY, vectors())
        capture(mlp(), ENTROPY, vectors())
    assert capfd.readouterr() == ("", "")


def test_the_batch_is_the_recordings_own():
    x, y = vectors()
    kept = x.clone()
    recorded = capture(mlp(), ENTROPY, (x, y))
    x.zero_()
    assert torch.equal(recorded.batch["inputs"], kept)


def test_a_compiled_model_is_exported_as_it_was_written():
    torch.manual_seed(0)
    model, batch = mlp(), vectors()
    model.compile(backend="eager")
    model(batch[0])
    compiled = capture(model, ENTROPY, batch)
    assert [n.op for n in compiled.program.graphs["eval"].nodes] == [
        n.op for n in program_of("mlp")[1].program.graphs["eval"].nodes
    ]
    torch._dynamo.reset()


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_whatever_mode_it_is_called_in(around):
    model, loss, batch = made("mlp")
    with around():
        recorded = capture(model, loss, batch)
    assert set(recorded.program.checked.values()) == {0.0}
    assert recorded.program == program_of("mlp")[1].program


def test_the_autocast_that_the_training_runs_in_is_recorded():
    model, loss, batch = made("mlp")
    with torch.autocast("cpu", torch.bfloat16):
        recorded = capture(model, loss, batch)
        live = loss(model(batch[0]), batch[1])
    evaluate = prepare(recorded.program)
    assert {node.autocast for node in recorded.program.graphs["eval"].nodes} >= {"bfloat16"}
    assert torch.equal(evaluate(weights_for(model, recorded), recorded.batch)["loss"], live)
    assert live != loss(model(batch[0]), batch[1])


def test_a_region_of_its_own_precision_stays_one():
    model, recorded = Mixed(), program_of("mixed precision")[1]
    regions = {node.op: node.autocast for node in recorded.program.graphs["eval"].nodes}
    assert regions["linear.default"] in ("bfloat16", None)
    assert "bfloat16" in regions.values()
    weights = weights_for(model.eval(), recorded)
    live = ENTROPY(model(recorded.batch["inputs"]), recorded.batch["target"])
    assert torch.equal(prepare(recorded.program)(weights, recorded.batch)["loss"], live)


def test_no_grad_inside_is_kept():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(6, 5)

        def forward(self, x):
            h = self.own(x)
            with torch.no_grad():
                scale = h.pow(2).mean().sqrt()
            return h / scale * h.detach()

    model, (x, y) = Scaled(), vectors()
    recorded = capture(model, ENTROPY, (x, y))
    weights = {k: t.clone().requires_grad_() for k, t in weights_for(model, recorded).items()}
    loss = prepare(recorded.program)(weights, recorded.batch)["loss"]
    ours = torch.autograd.grad(loss, weights["own.weight"])[0]
    live = torch.autograd.grad(ENTROPY(model(x), y), model.own.weight)[0]
    torch.testing.assert_close(ours, live)


def test_writing_into_a_part_of_a_tensor():
    class Written(nn.Module):
        def __init__(self, guarded):
            super().__init__()
            self.own, self.guarded = nn.Linear(6, 5), guarded

        def forward(self, x):
            h = self.own(x) * 2
            h[:, 0] += 1
            h[:, 1:3].mul_(2)
            with torch.set_grad_enabled(not self.guarded):
                scale = h.std()
            return h / scale

    batch = vectors()
    assert set(capture(Written(guarded=False), ENTROPY, batch).program.checked.values()) == {0.0}
    with pytest.raises(NotRecordable, match=r"writes into a part of a tensor .*uses no_grad"):
        capture(Written(guarded=True), ENTROPY, batch)


def test_a_loss_with_tensors_of_its_own():
    torch.manual_seed(0)
    weight = torch.rand(5)
    model, (x, y) = mlp(), vectors()
    recorded = capture(
        model, lambda o, t: (ENTROPY(o, t, reduction="none") * weight[t]).mean(), (x, y)
    )
    [constant] = recorded.constants.values()
    assert torch.equal(constant, weight)
    found = prepare(recorded.program)(weights_for(model, recorded), recorded.batch)["loss"]
    assert torch.equal(found, (ENTROPY(model(x), y, reduction="none") * weight[y]).mean())


@pytest.mark.parametrize("batch", [(torch.randn(2, 6), torch.tensor([0, 1]))])
def test_a_batch_of_two_is_enough_for_batch_normalisation(batch):
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Linear(6, 5))
    program = capture(model, ENTROPY, batch).program
    assert [*program.graphs] == ["eval", "train"]
    assert program.dynamic
