from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes import Gradients
from tests.probes.watching import Watching


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(70, 80), nn.Tanh(), nn.Linear(80, 3))


def loss_of(model, seed=0, dtype=torch.float32):
    inputs = torch.randn(16, 70, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return model(inputs).square().mean()


def test_norms_are_of_all_elements_and_the_rest_is_of_a_sample(model):
    optimizer = torch.optim.Adam(model.parameters())
    with Watching(model, optimizer, Gradients()) as rig:
        for _ in range(3):
            loss_of(model).backward()
            exact = {name: p.grad.double().clone() for name, p in model.named_parameters()}
            rig.step()
            rows = rig.rows("gradients")
            assert list(rows) == list(exact)
            for name, gradient in exact.items():
                assert rows[name]["norm"] == pytest.approx(float(gradient.norm()), rel=1e-5)
                assert rows[name]["count"] == min(gradient.numel(), 4096)
                assert gradient.min() <= rows[name]["min"] <= rows[name]["max"] <= gradient.max()
            small = exact["2.weight"]
            assert rows["2.weight"]["std"] == pytest.approx(
                float(small.std(correction=0)), rel=1e-5
            )


def test_micro_batches_are_accumulated(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Gradients()) as rig:
        loss_of(model, 1).backward()
        first = model[0].weight.grad.clone()
        loss_of(model, 2).backward()
        whole = model[0].weight.grad.clone()
        rig.step()
        assert rig.rows("gradients")["0.weight"]["norm"] == pytest.approx(float(whole.norm()))
    assert not torch.equal(first, whole)


def test_they_are_seen_after_clipping(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Gradients()) as rig:
        loss_of(model).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        rig.step()
        norms = [row["norm"] for row in rig.rows("gradients").values()]
    assert np.sqrt(np.square(norms).sum()) == pytest.approx(0.01, rel=1e-4)


def test_what_the_optimizer_does_to_them_is_not_seen(model):
    class Zeroing(torch.optim.SGD):
        def step(self):
            super().step()
            for parameter in model.parameters():
                parameter.grad.zero_()

    with Watching(model, Zeroing(model.parameters(), 0.1), Gradients()) as rig:
        loss_of(model).backward()
        norm = float(model[0].weight.grad.norm())
        rig.step()
        assert rig.rows("gradients")["0.weight"]["norm"] == pytest.approx(norm)


def test_a_parameter_without_one_has_no_row(model):
    model[2].weight.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Gradients()) as rig:
        loss_of(model).backward()
        rig.step()
        assert list(rig.rows("gradients")) == ["0.weight", "0.bias", "2.bias"]
        rig.step()  # their gradients were set to None
        assert rig.rows("gradients") == {}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_floats(model, dtype):
    model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Gradients()) as rig:
        loss_of(model, dtype=dtype).backward()
        exact = model[0].weight.grad.double().clone()
        rig.step()
        assert rig.rows("gradients")["0.weight"]["norm"] == pytest.approx(float(exact.norm()))


class Fused(torch.optim.SGD):
    """An optimizer that a GradScaler has left the division by the loss scale to."""

    def __init__(self, parameters, scale):
        super().__init__(parameters, 0.1)
        self.grad_scale = None if scale is None else torch.tensor(scale)

    def step(self):
        """The gradients are all that is looked at here."""


@pytest.mark.parametrize("scales", [(4.0, 8.0), (None, 8.0), (4.0, None), (None, None)])
def test_each_of_two_optimizers_has_its_own_scale(model, scales):
    one, two = (
        Fused(model[n].parameters(), scale) for n, scale in zip((0, 2), scales, strict=True)
    )
    with Watching(model, [one, two], Gradients()) as rig:
        for _ in range(2):
            loss_of(model).backward()
            exact = {name: p.grad.clone() for name, p in model.named_parameters()}
            rig.step()
            for name, row in rig.rows("gradients").items():
                scale = scales[0 if name.startswith("0") else 1] or 1.0
                norm = float(exact[name].norm())
                assert row["norm"] == pytest.approx(norm / scale, rel=1e-5), name
                mean = float(exact[name].double().mean())
                if row["count"] == exact[name].numel():
                    assert row["mean"] == pytest.approx(mean / scale, rel=1e-4, abs=1e-9), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_fused_optimizer_under_a_scaler():
    model = nn.Linear(70, 80).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    scaler = torch.amp.GradScaler(init_scale=1024.0)
    with Watching(model, optimizer, Gradients()) as rig:
        loss = model(torch.ones(5, 70, device="cuda")).square().mean()
        scaler.scale(loss).backward()
        exact = model.weight.grad.norm().item() / 1024
        optimizer.register_step_pre_hook(lambda *_: rig.before())
        optimizer.register_step_post_hook(lambda *_: rig.watch.after(0))
        scaler.step(optimizer)
        rig.finish()
        rig.kept.pending.collect(wait=True)
        assert rig.rows("gradients")["weight"]["norm"] == pytest.approx(exact, rel=1e-4)
