from __future__ import annotations

import gc

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad, clip_grad_norm_
from torch.nn.utils.clip_grad import clip_grad_norm_ as from_the_module

from diagnostics import Run
from probes import Recorder
from probes.clipping import INNER, Clipping

ORIGINAL = getattr(clip_grad, INNER)
STYLES = {
    "torch.nn.utils": lambda *given: torch.nn.utils.clip_grad_norm_(*given),  # noqa: PLW0108
    "imported from it": clip_grad_norm_,
    "imported from the module": from_the_module,
    "through the module": lambda *given: clip_grad.clip_grad_norm_(*given),  # noqa: PLW0108
}


@pytest.fixture(autouse=True)
def restored():
    yield
    gc.collect()
    assert getattr(clip_grad, INNER) is ORIGINAL


def with_gradients(*sizes):
    """Parameters whose gradients are 1, 2, 3, …"""
    found = [nn.Parameter(torch.zeros(size)) for size in sizes]
    for n, parameter in enumerate(found, 1):
        parameter.grad = torch.full_like(parameter, float(n))
    return found


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("given", [list, iter, tuple, lambda found: (p for p in found)])
def test_it_is_heard_however_it_was_imported_and_does_what_it_did(style, given):
    own, twins, heard = with_gradients(3, 4), with_gradients(3, 4), []
    clipping = Clipping(own, lambda norm, allowed: heard.append((float(norm), allowed)))
    returned = STYLES[style](given(own), 0.5)
    clipping.leave()
    clip_grad_norm_(twins, 0.5)
    assert heard == [(pytest.approx((3 + 4 * 4) ** 0.5), 0.5)]
    assert float(returned) == heard[0][0]
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(own, twins, strict=True))


def test_a_single_tensor_is_heard():
    (own,) = with_gradients(4)
    heard = []
    clipping = Clipping([own], lambda norm, _: heard.append(float(norm)))
    clip_grad_norm_(own, 1.0)
    clipping.leave()
    assert heard == [2.0]


def test_clipping_of_others_is_not_heard():
    own, heard = with_gradients(3), []
    clipping = Clipping(own, lambda *given: heard.append(given))
    clip_grad_norm_(with_gradients(3), 1.0)
    torch.nn.utils.clip_grad_value_(own, 0.1)
    clipping.leave()
    clip_grad_norm_(own, 1.0)
    assert heard == []


@pytest.mark.parametrize("first", [0, 1])
def test_each_of_two_hears_its_own_until_it_leaves(first):
    parts, heard = [with_gradients(2), with_gradients(2)], [[], []]
    ears = [
        Clipping(part, lambda norm, _, n=n: heard[n].append(float(norm)))
        for n, part in enumerate(parts)
    ]
    clip_grad_norm_(parts[0] + parts[1], 10.0)
    assert [len(found) for found in heard] == [1, 1]
    ears[first].leave()
    assert getattr(clip_grad, INNER) is not ORIGINAL
    clip_grad_norm_(parts[0] + parts[1], 10.0)
    assert [len(found) for found in heard] == ([1, 2] if first == 0 else [2, 1])
    ears[1 - first].leave()


def test_a_norm_that_processes_hold_together_is_not_looked_at():
    class Shared(torch.Tensor):
        def full_tensor(self):
            raise AssertionError("all processes would have to come")

    own, heard = with_gradients(2), []
    clipping = Clipping(own, lambda *given: heard.append(given))
    clipping.clipped(own, 1.0, torch.ones(()).as_subclass(Shared))
    clipping.leave()
    assert heard == []


def clipped_training(path, every=1):
    """Six steps; the norms before clipping and after, by hand."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer, norms = torch.optim.SGD(model.parameters(), 0.1), []
    with Recorder(model, optimizer, path, every=every):
        for step in range(6):
            (model(torch.randn(5, 4)) * step).square().mean().backward()
            before = total(model)
            clip_grad_norm_(model.parameters(), 0.5)
            norms.append((before, total(model)))
            optimizer.step()
            optimizer.zero_grad()
    return norms


def total(model):
    return float(torch.cat([p.grad.reshape(-1) for p in model.parameters()]).norm())


@pytest.mark.parametrize("every", [1, 3])
def test_the_norms_before_and_after_are_recorded_at_their_step(tmp_path, every):
    norms = clipped_training(tmp_path / "run", every)
    run = Run(tmp_path / "run")
    before = run.scalar("gradient_norm/before_clipping")
    after = run.scalar("gradient_norm/after_clipping")
    steps = [step for step in range(1, 7) if step == 1 or step % every == 0]
    assert before.steps.tolist() == after.steps.tolist() == steps
    assert before.values == pytest.approx([norms[step - 1][0] for step in steps], rel=1e-5)
    assert after.values == pytest.approx([norms[step - 1][1] for step in steps], rel=1e-5)
    assert max(after.values) == pytest.approx(0.5, rel=1e-4)
    assert max(before.values) > 1


def test_two_recorders_hear_of_it(tmp_path):
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "a", every=1):
        with Recorder(model, optimizer, tmp_path / "b", every=1):
            model(torch.ones(2, 4)).sum().backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    steps = [Run(tmp_path / n).scalar("gradient_norm/before_clipping").steps for n in "ab"]
    assert [found.tolist() for found in steps] == [[1, 2], [1]]


def test_of_two_optimizers_each_ones_clipping_belongs_to_the_round_it_is_in(tmp_path):
    parts = nn.ModuleDict({"critic": nn.Linear(2, 1), "generator": nn.Linear(2, 2)})
    steps = {name: torch.optim.SGD(part.parameters(), 0.1) for name, part in parts.items()}
    with Recorder(parts, list(steps.values()), tmp_path / "run", every=1):
        for _ in range(4):
            for name, optimizer in steps.items():
                parts["critic"](parts["generator"](torch.ones(3, 2))).sum().backward()
                clip_grad_norm_(parts[name].parameters(), 1.0)
                optimizer.step()
                parts.zero_grad()
    found = Run(tmp_path / "run").scalar("gradient_norm/before_clipping").steps.tolist()
    assert found[2:] == [2, 2, 3, 3, 4, 4]  # in the first round it is not known that there are two
