"""A recording is copied, what made it is gone, and a fresh process evaluates it from the folder."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from probes import Recorder, Snapshots
from tests.probes.program.models import live_loss, made

ROOT = Path(__file__).parents[3]
STEPS = 3
NAMES = (
    *("mlp", "mlp in float64", "resnet", "vit", "gpt", "lstm", "mixed precision", "bert"),
    "contrastive",
)
READER = """
import sys
class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tests", "transformers"):
            raise ImportError(f"{name} is gone")
sys.meta_path.insert(0, Nobody())
import numpy as np, torch
from pathlib import Path
from probes.program import prepare, read_program, rehearse, weights_of
from probes.snapshot_file import read_snapshot, snapshot_steps
torch.set_num_threads(1)
found = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    recorded = read_program(folder)
    program, batch = recorded.program, recorded.batch
    rehearse(program, batch, 1 << 26)
    for step in snapshot_steps(folder):
        weights = weights_of(program, read_snapshot(folder, step)) | recorded.constants
        varied = {spec.name: weights[spec.name].requires_grad_()
                  for spec in program.of_kind("parameter") if spec.trainable}
        loss = prepare(program)(weights | varied, batch)["loss"]
        gradients = torch.autograd.grad(loss, list(varied.values()))
        key = f"{folder.name}/{step}"
        found[f"{key}/loss"] = loss.detach().numpy()
        if "predictions" in program.graphs["eval"].outputs:
            seen = prepare(program, wanted=("predictions",))(weights | varied, batch)
            found[f"{key}/predictions"] = seen["predictions"].detach().numpy()
        for name, gradient in zip(varied, gradients):
            found[f"{key}/gradient of {name}"] = gradient.numpy()
        with torch.no_grad():
            for norm in ("running", "batch"):
                torch.manual_seed(5)
                train = prepare(program, mode="train", norm=norm)(weights, batch)
                found[f"{key}/train loss, {norm}"] = train["loss"].numpy()
assert "transformers" not in sys.modules and "probes.program.export" not in sys.modules
np.savez(sys.argv[2], **found)
"""


def trained(name, folder):
    """Train a little with a recorder; what the live model gave at each step."""
    model, loss, batch = made(name)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    truth, snapshots = {}, Snapshots(per_decade=16)
    recording = Recorder(
        model, optimizer, folder, probes=[snapshots], every=1, loss=loss, batch=batch
    )
    with recording:
        for step in range(1, STEPS + 1):
            optimizer.zero_grad()
            live_loss(model, loss, batch).backward()
            optimizer.step()
            truth[step] = copy.deepcopy(model)
            snapshots._sending.wait()  # on a busy machine the next one would be left out
    return {step: (model, loss, batch) for step, model in truth.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every model's live states, and what a fresh process computed from copies of the folders."""
    place = tmp_path_factory.mktemp("runs")
    live = {name: trained(name, place / "made" / name) for name in NAMES}
    shutil.move(place / "made", place / "copied")
    library = place / "library"  # the product alone: no test can be imported
    library.mkdir()
    (library / "probes").symlink_to(ROOT / "probes")
    done = subprocess.run(
        [sys.executable, "-c", READER, place / "copied", place / "found.npz"],
        capture_output=True, text=True, timeout=120, cwd=place, check=False,
        env={"PYTHONPATH": str(library), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(place / "found.npz") as found:
        return live, dict(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_loss_is_the_live_models_bit_for_bit(runs, name, step):
    live, found = runs
    model, loss, batch = live[name][step]
    value = live_loss(model.eval(), loss, batch)
    assert found[f"{name}/{step}/loss"].dtype == value.detach().numpy().dtype
    assert found[f"{name}/{step}/loss"] == value.detach().numpy()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("norm", ["running", "batch"])
def test_in_training_too_dropout_and_batch_statistics_included(runs, name, norm):
    live, found = runs
    model, loss, batch = live[name][STEPS]
    model = copy.deepcopy(model).train()
    torch.manual_seed(5)
    value = live_loss(model, loss, batch)
    assert found[f"{name}/{STEPS}/train loss, {norm}"] == value.detach().numpy()


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_live_models(runs, name):
    live, found = runs
    model, loss, batch = live[name][STEPS]
    named = dict(model.eval().named_parameters())
    gradients = torch.autograd.grad(live_loss(model, loss, batch), list(named.values()))
    near = 1e-12 if name == "mlp in float64" else 1e-6
    for key, gradient in zip(named, gradients, strict=True):
        ours = found[f"{name}/{STEPS}/gradient of {key}"]
        assert np.linalg.norm(ours - gradient.numpy()) <= near * np.linalg.norm(gradient), key


@pytest.mark.parametrize("name", [name for name in NAMES if name != "contrastive"])
def test_predictions_are_the_live_models(runs, name):
    live, found = runs
    model, loss, batch = live[name][STEPS]
    output = model.eval()(**batch).logits if loss is None else model(batch[0])
    np.testing.assert_array_equal(found[f"{name}/{STEPS}/predictions"], output.detach().numpy())
