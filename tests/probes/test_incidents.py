from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from diagnostics import Run
from probes import Recorder
from probes.black_box import NonFiniteError
from tests.trainings import mlp, train


def recorder_of(model, path, **options):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return optimizer, Recorder(model, optimizer, path, **options)


def step(model, optimizer, value=1.0):
    model(torch.full((2, 8), value)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def told(path, kind):
    return [(event.step, event.text) for event in Run(path).events if event.kind == kind]


@pytest.mark.parametrize("every", [1, 100])
def test_the_first_step_that_is_not_finite_is_told_once(tmp_path, caplog, every):
    model = mlp()
    optimizer, recorder = recorder_of(model, tmp_path / "run", every=every)
    with recorder:
        for value in (1.0, 1.0, torch.nan, 1.0):
            step(model, optimizer, value)
    [(at, text)] = told(tmp_path / "run", "black_box")
    assert at == 3
    assert json.loads(text)["where"] == "inputs"
    assert len([record for record in caplog.records if "step 3" in record.message]) == 1


def test_raising_stops_before_the_weights_are_spoilt(tmp_path):
    model = mlp()
    optimizer, recorder = recorder_of(model, tmp_path / "run", on_nonfinite="raise")
    with recorder:
        step(model, optimizer)
        before = [p.detach().clone() for p in model.parameters()]
        with pytest.raises(NonFiniteError, match="step 2"):
            step(model, optimizer, torch.inf)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_broken_box_leaves_the_record_whole(tmp_path, caplog, monkeypatch):
    model = mlp()
    optimizer, recorder = recorder_of(model, tmp_path / "run", every=1, on_nonfinite="raise")
    with recorder, monkeypatch.context() as patched:
        patched.setattr(recorder._incidents._box, "before", lambda *_, **__: 1 / 0)
        train(model, optimizer, steps=3, recorder=recorder)
    assert caplog.text.count("the black box failed (ZeroDivisionError") == 1
    assert Run(tmp_path / "run").steps("gradients").tolist() == [1, 2, 3]


def test_clipping_is_told_in_recorded_steps_and_until_it_is_closed(tmp_path):
    model = mlp()
    optimizer, recorder = recorder_of(model, tmp_path / "run", every=2)
    norms = []
    with recorder:
        for _ in range(5):
            model(torch.ones(2, 8)).sum().backward()
            norms.append(float(clip_grad_norm_(model.parameters(), 0.25)))
            optimizer.step()
            optimizer.zero_grad()
        model(torch.ones(2, 8)).sum().backward()
    clip_grad_norm_(model.parameters(), 0.1)
    before = Run(tmp_path / "run").scalar("gradient_norm/before_clipping")
    after = Run(tmp_path / "run").scalar("gradient_norm/after_clipping")
    assert before.steps.tolist() == after.steps.tolist() == [1, 2, 4]
    assert before.values == pytest.approx([norms[step - 1] for step in (1, 2, 4)], rel=1e-6)
    assert after.values == pytest.approx([0.25] * 3, rel=1e-4)
    assert min(norms) > 0.25


def test_a_step_that_a_fused_optimizer_left_out_is_told(tmp_path):
    model = nn.Linear(8, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, fused=True)
    with Recorder(model, optimizer, tmp_path / "run"):
        for found in (0.0, 1.0, 0.0):
            optimizer.grad_scale, optimizer.found_inf = torch.ones(()), torch.tensor(found)
            step(model, optimizer)
    [(at, text)] = told(tmp_path / "run", "skipped")
    assert at == 2
    assert "left out this step" in text


def test_trouble_while_clipping_is_heard_never_reaches_training(tmp_path, caplog, monkeypatch):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        model(torch.ones(2, 8)).sum().backward()
        with monkeypatch.context() as patched:
            patched.setattr(recorder._outbox, "scalar", lambda *_: 1 / 0)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert "ZeroDivisionError" in caplog.text


def test_an_exception_in_the_loop_passes_and_is_recorded(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ZeroDivisionError), Recorder(model, optimizer, tmp_path / "run") as recorder:
        train(model, optimizer, steps=3, recorder=recorder)
        1 / 0  # noqa: B018
    run = Run(tmp_path / "run")
    assert run.state == "failed"
    assert run.last_step == 3
    assert told(tmp_path / "run", "exception") == [(3, "ZeroDivisionError: division by zero")]
