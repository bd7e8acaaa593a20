from __future__ import annotations

import copy
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import FathomError, Gradients, Recorder
from tests.trainings import MODELS, OPTIMIZERS, mlp, record, train


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
@pytest.mark.parametrize("model_name", MODELS)
def test_training_is_the_same_bit_for_bit(tmp_path, model_name, optimizer_name):
    def outcome(*, recorded: bool):
        torch.manual_seed(0)
        model = MODELS[model_name]()
        optimizer = OPTIMIZERS[optimizer_name](model.parameters())
        if not recorded:
            losses = train(model, optimizer)
        else:
            with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
                losses = train(model, optimizer, recorder=recorder)
        return losses, model.state_dict(), torch.get_rng_state(), optimizer.state_dict()

    bare, watched = outcome(recorded=False), outcome(recorded=True)
    assert bare[0] == watched[0]
    assert list(bare[1]) == list(watched[1])
    assert all(torch.equal(bare[1][name], watched[1][name]) for name in bare[1])
    assert torch.equal(bare[2], watched[2])
    assert str(bare[3]) == str(watched[3])
    assert Run(tmp_path / "run").records == 20


def test_the_model_is_never_touched(tmp_path):
    model = mlp()
    before = {name: dict(vars(module)) for name, module in model.named_modules()}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run"):
        for name, module in model.named_modules():
            hooks = [k for k, v in vars(module).items() if "hook" in k and v]
            assert hooks == []
            assert vars(module).keys() == before[name].keys()


def test_nothing_stays_attached(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    recorder = Recorder(model, optimizer, tmp_path / "run")
    assert optimizer._optimizer_step_pre_hooks
    train(model, optimizer, recorder=recorder, steps=2)
    recorder.close()
    recorder.close()
    recorder.log(late=1.0)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    train(model, optimizer, steps=2)
    assert Run(tmp_path / "run").last_step == 2


def test_gradients_weights_and_updates_are_what_the_step_saw(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    x, y = torch.randn(6, 4), torch.randn(6, 3)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        for half in (slice(0, 3), slice(3, 6)):  # accumulated over two micro-batches
            functional.mse_loss(model(x[half]), y[half]).backward()
        gradient, before = model.weight.grad.clone(), model.weight.detach().clone()
        optimizer.step()
    run = Run(tmp_path / "run")
    assert run.column("gradients", "norm", ["weight"])[0, 0] == pytest.approx(gradient.norm())
    assert run.column("gradients", "mean", ["weight"])[0, 0] == pytest.approx(gradient.mean())
    assert run.column("weights", "max", ["weight"])[0, 0] == pytest.approx(
        float(model.weight.detach().max())
    )
    change = model.weight.detach() - before
    assert run.column("updates", "min", ["weight"])[0, 0] == pytest.approx(float(change.min()))
    assert run.column("updates", "std", ["weight"])[0, 0] == pytest.approx(
        float(change.std(correction=0)), rel=1e-5
    )


def test_a_closure_is_looked_at_once_its_gradients_are_there(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x, y, norms = torch.randn(16, 4), torch.randn(16, 1), []

    def closure():
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        norms.append(float(model.weight.grad.norm()))
        return loss

    with Recorder(model, optimizer, tmp_path / "run", every=1):
        first = len(norms)
        optimizer.step(closure)
        second = len(norms)
        optimizer.step(closure=closure)
    seen = Run(tmp_path / "run").column("gradients", "norm", ["weight"])[:, 0]
    assert seen == pytest.approx([norms[first], norms[second]], rel=1e-6)


def test_two_optimizers_share_a_step(tmp_path):
    generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    both = nn.ModuleDict({"generator": generator, "critic": critic})
    steps = [torch.optim.SGD(m.parameters(), 0.1) for m in (critic, generator)]
    with Recorder(both, steps, tmp_path / "run", every=1) as recorder:
        for _ in range(5):
            for optimizer in steps:
                critic(generator(torch.randn(4, 2))).mean().backward()
                optimizer.step()
                both.zero_grad()
        assert recorder.steps == 5
    run = Run(tmp_path / "run")
    norms = run.column("gradients", "norm", ["generator.weight", "critic.weight"])
    assert run.steps("gradients").tolist() == [1, 2, 3, 4, 5]
    assert np.isfinite(norms).all()


def test_a_hand_written_update_is_a_step(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    with Recorder(model, None, tmp_path / "run", every=1) as recorder:
        for _ in range(3):
            model(torch.randn(4, 3)).mean().backward()
            with recorder.step(), torch.no_grad():
                for parameter in model.parameters():
                    parameter.sub_(0.1 * parameter.grad)
            gradient = model.weight.grad.norm()
            model.zero_grad()
    run = Run(tmp_path / "run")
    updates = run.column("updates", "std", ["weight"])[:, 0]
    assert run.last_step == 3
    assert run.column("gradients", "norm", ["weight"])[-1, 0] == pytest.approx(gradient)
    assert np.all(updates > 0)


def test_numbers_of_every_kind_can_be_logged(tmp_path, caplog):
    model = nn.Linear(2, 1)
    with Recorder(model, torch.optim.SGD(model.parameters(), 0.1), tmp_path / "run") as recorder:
        recorder.log(a=1, b=2.5, c=np.float32(3), d=np.array(4.0), e=torch.tensor(5.0))
        recorder.log(a=float("nan"), b=float("inf"), **{"<b>&/..": 6})
        recorder.log(word="seven", many=torch.ones(3))
    run = Run(tmp_path / "run")
    assert [run.scalar(name).values[0] for name in "abcde"] == [1, 2.5, 3, 4, 5]
    assert np.isnan(run.scalar("a").values[1])
    assert run.scalar("<b>&/..").values.tolist() == [6]
    assert "word" in caplog.text
    assert "many" in caplog.text


def test_a_logged_value_is_that_of_its_moment(tmp_path):
    model, loss = nn.Linear(2, 1), torch.tensor(1.0)
    with Recorder(model, torch.optim.SGD(model.parameters(), 0.1), tmp_path / "run") as recorder:
        recorder.log(loss=loss)
        loss += 1
        recorder.log(loss=loss)
    assert Run(tmp_path / "run").scalar("loss").values.tolist() == [1, 2]


FACTS = ("modes", "wiring", "loss", "black_box")


def told(run):
    """What happened, but for what is written at the start of every run."""
    return [event for event in run.events if event.kind not in FACTS]


class Broken(Gradients):
    series = "broken"

    def before(self, look):
        raise RuntimeError("a probe's own fault")


def test_a_broken_probe_never_reaches_training(tmp_path, caplog):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Recorder(model, optimizer, tmp_path / "run", probes=[Broken()], every=1) as recorder:
            losses = train(model, optimizer, recorder=recorder)
    assert len(losses) == 20
    assert caplog.text.count("a probe's own fault") == 1


def test_copies_and_pickles_of_a_recorded_model_work(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        for _ in range(2):  # before and after the first forward pass
            twin, other = copy.deepcopy(model), copy.deepcopy(optimizer)
            torch.save(model, io.BytesIO())
            pickle.dumps(model.state_dict())
            train(model, optimizer, steps=2, recorder=recorder)
            train(twin, torch.optim.SGD(twin.parameters(), 0.1), steps=2)
            other.step()
    assert Run(tmp_path / "run").last_step == 4


def test_two_recorders_on_one_model(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with (
        Recorder(model, optimizer, tmp_path / "all", every=1) as one,
        Recorder(model, optimizer, tmp_path / "some", every=5, layers="0.*") as two,
    ):
        train(model, optimizer, recorder=one, steps=10)
    assert (one.records, two.records) == (10, 3)
    assert set(Run(tmp_path / "some").tensors) == {"0.weight", "0.bias"}


def test_resume_appends_after_the_last_step(tmp_path):
    folder = record(tmp_path / "run", steps=10)
    record(folder, steps=5, resume=True)
    run = Run(folder)
    assert run.steps("gradients").tolist() == list(range(1, 16))
    assert run.scalar("loss").steps.tolist() == list(range(1, 16))
    assert [event.kind for event in told(run)] == ["resumed"]
    assert run.records == 15
    assert json.loads((folder / "summary.json").read_text())["records"] == 15


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": "encoder.*"}, "selects no parameter"),
        ({"every": 0}, "starts at 1"),
        ({"every": None, "budget": 2}, "share of training time"),
    ],
)
def test_bad_arguments_leave_no_folder(tmp_path, options, words):
    with pytest.raises((FathomError, ValueError), match=words):
        record(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_no_step_seen_is_said(tmp_path, caplog):
    model = mlp()
    with Recorder(model, torch.optim.SGD(model.parameters(), 0.1), tmp_path / "run"):
        train(model, torch.optim.SGD(model.parameters(), 0.1), steps=2)
    assert "no step was seen" in caplog.text


def test_frozen_unused_and_late_parameters(tmp_path):
    model = nn.ModuleDict(
        {"used": nn.Linear(4, 4), "frozen": nn.Linear(4, 4), "idle": nn.Linear(4, 4)}
    )
    model["frozen"].requires_grad_(False)
    optimizer = torch.optim.SGD(list(model["used"].parameters()), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        for step in range(4):
            y = model["frozen"](model["used"](torch.randn(2, 4)))
            if step >= 2:
                y = model["late"](y)
            y.sum().backward()
            optimizer.step()
            if step == 1:
                model["late"] = nn.Linear(4, 4)
                optimizer.add_param_group({"params": list(model["late"].parameters())})
    run = Run(tmp_path / "run")
    counts = run.column("gradients", "count", ["used.weight", "idle.weight", "late.weight"])
    assert not run.tensors["frozen.weight"].trainable
    assert counts[:, 0].tolist() == [16] * 4
    assert np.nan_to_num(counts[:, 1]).tolist() == [0] * 4
    assert np.nan_to_num(counts[:, 2]).tolist() == [0, 0, 16, 16]


def test_sparse_gradients_are_passed_over_and_said(tmp_path, caplog):
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        model(torch.tensor([1, 2])).sum().backward()
        optimizer.step()
    assert "0.weight is sparse" in caplog.text
    assert Run(tmp_path / "run").column("gradients", "count", ["1.weight"])[0, 0] == 4


def test_a_forked_child_leaves_the_recording_alone(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        train(model, optimizer, steps=3, recorder=recorder)
        child = os.fork()
        if child == 0:
            optimizer.step()
            recorder.log(loss=0)
            recorder.close()
            os._exit(0)
        os.waitpid(child, 0)
        train(model, optimizer, steps=3, recorder=recorder)
    assert Run(tmp_path / "run").steps("gradients").tolist() == [1, 2, 3, 4, 5, 6]


def test_a_killed_scribe_does_not_stop_training(tmp_path, caplog):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    recorder = Recorder(model, optimizer, tmp_path / "run", every=1)
    os.kill(recorder._outbox._courier._scribe.pid, signal.SIGKILL)
    time.sleep(1.1)
    assert len(train(model, optimizer, recorder=recorder, steps=5)) == 5
    recorder.close()
    assert caplog.text.count("its scribe has ended") == 1
    assert Run(tmp_path / "run").records == 0


def test_an_unclosed_recorder_is_finished_at_exit(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.trainings import *\n"
        "m = mlp(); o = OPTIMIZERS['sgd'](m.parameters())\n"
        "r = Recorder(m, o, sys.argv[1], every=1); train(m, o, recorder=r)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=True)
    assert Run(tmp_path / "run").state == "finished"
    assert Run(tmp_path / "run").records == 20


def test_steps_before_the_first_gradient_do_not_end_the_recording(tmp_path, caplog):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        for _ in range(4):
            optimizer.step()
        train(model, optimizer, steps=3, recorder=recorder)
    run = Run(tmp_path / "run")
    assert run.steps("gradients").tolist() == [5, 6, 7]
    assert run.steps("weights").tolist() == list(range(1, 8))
    assert caplog.text == ""


def test_a_name_that_is_no_utf8_ends_nothing(tmp_path, caplog):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        recorder.log(**{"x\udc80": 1})
        train(model, optimizer, steps=3, recorder=recorder)
    run = Run(tmp_path / "run")
    assert (run.state, run.records, run.dropped) == ("finished", 3, 0)
    assert run.logged == ("x\\udc80", "loss")
    assert run.scalar("x\\udc80").values.tolist() == [1]
    assert caplog.text == ""


def test_an_update_of_doubles_is_not_rounded_away(tmp_path):
    model = nn.Linear(3, 1, bias=False).double()
    nn.init.ones_(model.weight)
    with Recorder(model, None, tmp_path / "run", every=1) as recorder, torch.no_grad():
        for _ in range(3):
            with recorder.step():
                model.weight.add_(1e-9)
    for statistic in ("min", "mean", "max"):
        seen = Run(tmp_path / "run").column("updates", statistic, ["weight"])[:, 0]
        assert seen == pytest.approx([1e-9] * 3, rel=1e-6, abs=0)


@pytest.mark.parametrize("first", [True, False])
def test_an_optimizer_of_empty_tensors_alone_is_no_trouble(tmp_path, caplog, first):
    model = mlp()
    model.register_parameter("empty", nn.Parameter(torch.empty(0)))
    usual = [p for p in model.parameters() if p.numel()]
    optimizer, idle = torch.optim.SGD(usual, 0.1), torch.optim.SGD([model.empty], 0.1)
    both = [idle, optimizer] if first else [optimizer, idle]
    with Recorder(model, both, tmp_path / "run", every=1) as recorder:
        train(model, optimizer, steps=5, recorder=recorder, at_step=lambda _: idle.step())
    run = Run(tmp_path / "run")
    norms = run.column("gradients", "norm", ["0.weight"])[:, 0]
    assert np.isfinite(norms).sum() == 5
    assert "empty" not in run.tensors
    assert caplog.text == ""


class Named(Gradients):
    def __init__(self, series):
        self.series = series


@pytest.mark.parametrize(
    "names", [["my/probe"], [""], ["."], [".."], ["gradients", "gradients"], ["two words"]]
)
def test_a_series_without_a_plain_name_of_its_own_is_refused(tmp_path, names):
    with pytest.raises(FathomError, match="give each probe a name of its own") as caught:
        record(tmp_path / "run", probes=[Named(name) for name in names])
    assert repr(names[-1]) in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda m, o, p: (o, m, p), "the order is Recorder"),
        (lambda m, o, p: (m, m.parameters(), p), "not a torch optimizer"),
    ],
)
def test_swapped_or_wrong_arguments_are_told(tmp_path, arguments, words):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(FathomError, match=words):
        Recorder(*arguments(model, optimizer, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_optimizer_of_another_model_is_told(tmp_path, caplog):
    optimizer = torch.optim.SGD(mlp().parameters(), 0.1)
    with Recorder(mlp(), optimizer, tmp_path / "run"):
        assert "holds none of the model's parameters" in caplog.text


def test_a_compiled_model_gets_no_hooks(tmp_path):
    module = sys.modules["torch.nn.modules.module"]
    model = mlp()
    model._compiled_call_impl = lambda *_: None  # as model.compile() leaves it
    with Recorder(model, torch.optim.SGD(model.parameters(), 0.1), tmp_path / "run"):
        assert not module._global_forward_hooks
