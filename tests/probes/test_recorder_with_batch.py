"""A Recorder that is given the loss and a batch: the program, the predictions, and no harm."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import FathomError, Outputs, Recorder, Snapshots, Whole
from probes.program import prepare, read_program, weights_of
from probes.program_file import PROGRAM, TENSORS, has_program
from probes.snapshot_file import read_snapshot
from tests.probes.program.models import ENTROPY, MODELS, live_loss, made

ROOT = str(Path(__file__).parents[2])


def train(subject, folder=None, **options):
    """A usual loop; its losses, and all that it leaves."""
    model, loss_of_loop, batch_of_loop = subject
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    torch.manual_seed(1)
    recorder = folder and Recorder(model, optimizer, folder, every=1, **options)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        value = live_loss(model, loss_of_loop, batch_of_loop)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    if recorder:
        recorder.close()
    drawn = torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002
    return losses, {k: v.clone() for k, v in model.state_dict().items()}, drawn


@pytest.mark.parametrize("name", MODELS)
def test_training_is_the_same_bit_for_bit(tmp_path, name):
    def outcome(folder=None):
        model, loss, batch = made(name)
        random.seed(2)
        np.random.seed(2)  # noqa: NPY002
        asked = {"loss": loss, "batch": batch} if folder else {}
        return train((model, loss, batch), folder, **asked)

    watched, plain = outcome(tmp_path / "run"), outcome()
    assert watched[0] == plain[0]
    assert all(torch.equal(watched[1][key], plain[1][key]) for key in plain[1])
    assert watched[2] == plain[2]
    assert has_program(tmp_path / "run")


@pytest.mark.parametrize("name", MODELS)
def test_and_so_it_is_with_a_batch_held_out(tmp_path, name):
    def outcome(folder=None):
        model, loss, batch = made(name)
        other = made(name)[2]
        random.seed(2)
        np.random.seed(2)  # noqa: NPY002
        asked = {"loss": loss, "batch": batch, "held_out": other} if folder else {}
        return train((model, loss, batch), folder, **asked)

    watched, plain = outcome(tmp_path / "run"), outcome()
    assert watched[0] == plain[0]
    assert all(torch.equal(watched[1][key], plain[1][key]) for key in plain[1])
    assert watched[2] == plain[2]
    assert read_program(tmp_path / "run").held_out is not None


def test_from_the_folder_alone_the_loss_of_what_was_held_out(tmp_path):
    model, loss, batch = made("resnet")
    other = (torch.randn(5, 3, 8, 8), torch.randint(0, 5, (5,)))
    train((model, loss, batch), tmp_path / "run", loss=loss, batch=batch, held_out=other)
    recorded = read_program(tmp_path / "run")
    weights = weights_of(recorded.program, read_snapshot(tmp_path / "run", 4)) | recorded.constants
    evaluate = prepare(recorded.program)
    assert torch.equal(
        evaluate(weights, recorded.held_out)["loss"], loss(model.eval()(other[0]), other[1])
    )
    assert torch.equal(evaluate(weights, recorded.batch)["loss"], live_loss(model, loss, batch))


def test_one_that_does_not_fit_is_told_and_all_else_is_recorded(tmp_path, caplog):
    model, loss, batch = made("mlp")
    other = (torch.randn(5, 7), torch.randint(0, 5, (5,)))
    train((model, loss, batch), tmp_path / "run", loss=loss, batch=batch, held_out=other)
    run = Run(tmp_path / "run")
    [event] = [event for event in run.events if event.kind == "program"]
    assert event.text.startswith("the held-out batch is not recorded: 'inputs' is of shape [5, 7]")
    assert event.text.rstrip(".") in caplog.text
    assert run.records == 4
    recorded = read_program(tmp_path / "run")
    assert recorded.held_out is None
    assert torch.equal(recorded.batch["inputs"], batch[0])


def test_the_model_is_left_without_hooks_and_gradients(tmp_path):
    model, loss, batch = made("resnet")
    before = {name: (module.training, {**vars(module)}) for name, module in model.named_modules()}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", loss=loss, batch=batch):
        for name, module in model.named_modules():
            assert module.training is before[name][0]
            assert vars(module).keys() == before[name][1].keys()
            assert not any(vars(module)[k] for k in vars(module) if "hook" in k)
        assert all(p.grad is None and not p._backward_hooks for p in model.parameters())
        assert all(p._post_accumulate_grad_hooks is None for p in model.parameters())


def test_no_exception_and_one_warning_where_no_program_can_be_made(tmp_path, caplog):
    class Branch(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else -super().forward(x)

    torch.manual_seed(0)
    model, batch = Branch(6, 5), (torch.randn(8, 6), torch.randint(0, 5, (8,)))
    with caplog.at_level(logging.WARNING, "fathom"):
        losses, _, _ = train((model, ENTROPY, batch), tmp_path / "run", loss=ENTROPY, batch=batch)
    assert len(losses) == 4
    [warning] = [r.getMessage() for r in caplog.records if r.name == "fathom"]
    assert f"{__file__}:" in warning
    assert "torch.where(condition, a, b)" in warning
    run = Run(tmp_path / "run")
    [event] = [event for event in run.events if event.kind == "program"]
    assert event.text[:-1] in warning
    assert run.records == 4
    assert not has_program(tmp_path / "run")


def test_from_the_folder_the_snapshots_give_the_live_losses(tmp_path):
    model, loss, batch = made("resnet")
    _, state, _ = train((model, loss, batch), tmp_path / "run", loss=loss, batch=batch)
    recorded = read_program(tmp_path / "run")
    weights = weights_of(recorded.program, read_snapshot(tmp_path / "run", 4))
    assert all(torch.equal(weights[name], state[name]) for name in weights)
    found = prepare(recorded.program)(weights | recorded.constants, recorded.batch)["loss"]
    assert torch.equal(found, live_loss(model.eval(), loss, batch))


def test_the_batch_serves_predictions_too(tmp_path):
    model, loss, (x, y) = made("mlp")
    train((model, loss, (x, y)), tmp_path / "run", loss=loss, batch=(x, y))
    run = Run(tmp_path / "run")
    [track] = run.arrays("outputs")
    assert track.values.shape == (4, 8, 5)
    np.testing.assert_array_equal(track.values[-1], model.eval()(x).detach().numpy())
    np.testing.assert_array_equal(run.arrays("outputs/inputs")[0].values[0], x.numpy())


ASKED = {
    "a target that it is told beside": (ENTROPY, lambda x, y: (x, y)),
    "keywords": (ENTROPY, lambda x, y: ({"input": x}, y)),
    "a list": (ENTROPY, lambda x, y: ([x], y)),
}


@pytest.mark.parametrize("name", ASKED)
def test_outputs_without_inputs_have_the_batchs(tmp_path, name):
    torch.manual_seed(0)
    (loss, form), model = ASKED[name], nn.Linear(6, 5)
    x, y = torch.randn(8, 6), torch.randint(0, 5, (8,))
    probe = Outputs(every=1)
    train((model, loss, (x, y)), tmp_path / "run", probes=[probe], loss=loss, batch=form(x, y))
    [track] = Run(tmp_path / "run").arrays("outputs")
    np.testing.assert_array_equal(track.values[-1], model(x).detach().numpy())


def test_inputs_that_are_said_are_kept(tmp_path):
    model, loss, batch = made("mlp")
    own = torch.randn(3, 6)
    probes = [Outputs(own, every=1)]
    train((model, loss, batch), tmp_path / "run", probes=probes, loss=loss, batch=batch)
    [track] = Run(tmp_path / "run").arrays("outputs")
    assert track.values.shape == (4, 3, 5)


def test_what_cannot_be_asked_is_said_before_there_is_a_folder(tmp_path):
    model = nn.Linear(6, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(FathomError, match=r"loss= without batch=.*batch=\(inputs, target\)"):
        Recorder(model, optimizer, tmp_path / "run", loss=ENTROPY)
    with pytest.raises(FathomError, match=r"held_out= without batch=.*batch=\(inputs, target\)"):
        Recorder(model, optimizer, tmp_path / "run", held_out=(torch.ones(2, 6), torch.ones(2)))
    with pytest.raises(FathomError, match=r"Outputs\(\) does not know what to call the model"):
        Recorder(model, optimizer, tmp_path / "run", probes=[Outputs()])
    with pytest.raises(FathomError, match=r"Outputs\(\) does not know"):
        Recorder(
            model, optimizer, tmp_path / "run", probes=[Outputs()],
            loss=Whole(lambda model, batch: model(batch).sum()), batch=torch.ones(2, 6),
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_keeps_its_program_and_one_without_gets_one(tmp_path):
    model, loss, batch = made("mlp")
    folder = tmp_path / "run"
    train((model, loss, batch), folder)
    assert not has_program(folder)
    train((model, loss, batch), folder, loss=loss, batch=batch, resume=True)
    first = (folder / PROGRAM).read_bytes(), (folder / TENSORS).read_bytes()
    other = (torch.randn(4, 6), batch[1][:4])
    train((model, loss, batch), folder, loss=loss, batch=other, resume=True)
    assert ((folder / PROGRAM).read_bytes(), (folder / TENSORS).read_bytes()) == first


def test_a_large_batch_arrives_whole(tmp_path):
    """Larger than all that waits on the way to the scribe."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    x, y = torch.randn(200_000, 64), torch.randint(0, 5, (200_000,))  # 51 MB
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(
        model, optimizer, tmp_path / "run", probes=[Snapshots()], loss=ENTROPY, batch=(x, y)
    ):
        functional.cross_entropy(model(x[:8]), y[:8]).backward()
        optimizer.step()
    assert torch.equal(read_program(tmp_path / "run").batch["inputs"], x)


def test_a_full_disk_is_said_and_harms_nothing(tmp_path):
    """A real one: the scribe may write no file larger than some bytes."""
    script = f"""
import resource, signal, sys
sys.path.insert(0, {ROOT!r})
import torch
from torch import nn
from probes import Gradients, Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
model = nn.Linear(64, 5)
x, y = torch.randn(20_000, 64), torch.randint(0, 5, (20_000,))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
loss = nn.CrossEntropyLoss()
asked = {{"loss": loss, "batch": (x, y)}}
with Recorder(model, optimizer, sys.argv[1], probes=[Gradients()], every=1, **asked):
    for _ in range(5):
        loss(model(x), y).backward()
        optimizer.step()
print("trained to the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "run"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "trained to the end\n", done.stderr
    assert "cannot be written" in done.stderr
    assert not has_program(tmp_path / "run")
    assert not [*(tmp_path / "run").glob("*.part")]
    assert Run(tmp_path / "run").records == 5


def test_of_two_processes_the_first_records_the_program_and_none_waits(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {ROOT!r})
import torch
from torch import distributed, nn
from probes import Recorder, Snapshots
rank, folder = int(sys.argv[1]), sys.argv[2]
store = distributed.FileStore(folder + ".store", 2)
distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 5))
parallel = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
loss, batch = nn.CrossEntropyLoss(), (torch.randn(8, 6), torch.randint(0, 5, (8,)))
asked = {{"loss": loss, "batch": batch, "probes": [Snapshots()]}}
with Recorder(parallel, optimizer, folder, every=1, **asked):
    for _ in range(3):
        optimizer.zero_grad()
        loss(parallel(batch[0]), batch[1]).backward()
        optimizer.step()
print(loss(model.eval()(batch[0]), batch[1]).item())
distributed.destroy_process_group()
"""
    folder = tmp_path / "run"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(rank), folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    recorded = read_program(folder)
    weights = weights_of(recorded.program, read_snapshot(folder, 3)) | recorded.constants
    assert prepare(recorded.program)(weights, recorded.batch)["loss"].item() == float(said[0][0])
