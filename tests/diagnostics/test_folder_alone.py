"""What a run folder alone gives, in a process that knows no model, against the model itself.

The models' code is deleted, the folder copied; the other side is the live model by torch alone, its
largest eigenvalue by ARPACK. Differences are relative; `pytest -s` prints them all.
"""

from __future__ import annotations

import copy
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from probes import Recorder, Snapshots

ROOT = Path(__file__).parents[2]
STEPS = 5
HUGGING_FACE = importlib.util.find_spec("transformers") is not None
NAMES = ("mlp", "resnet", "vit", "gpt", "lstm", *(["bert"] if HUGGING_FACE else []))
QUANTITIES = ("predictions", "loss", "landscape", "product", "eigenvalue")
READER = """
import sys
class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tests", "transformers", "vanishing"):
            raise ImportError(f"{name} is gone")
sys.meta_path.insert(0, Nobody())
from pathlib import Path
import numpy as np, torch
from diagnostics import Run
from diagnostics.directions import random_direction
from diagnostics.lanczos import leading
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid
torch.set_num_threads(1)
def answers(subject, tolerance):
    centre, array = subject.centre, subject.array
    plane = [random_direction(subject, seed) for seed in (0, 1)]
    vector = subject.vector(np.random.default_rng(2).standard_normal(len(centre)))
    surface = loss_landscape(subject, plane, Grid(resolution=5, tolerance=0))
    (predictions,) = subject.predict(centre)
    top = leading(subject, subject.hessian_at(centre), 1, tolerance=tolerance, most=400)
    return {
        "names": np.array([piece.name for piece in subject.pieces]), "vector": array(vector),
        "axis": surface.axes[0], "x": array(plane[0].vector), "y": array(plane[1].vector),
        "predictions": predictions, "loss": subject.loss_at(centre), "landscape": surface.loss,
        "product": array(subject.hvp(centre, vector)), "eigenvalue": top.values[0],
    }
found = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    subject = Run(folder).subject()
    found[f"{folder.name}/step"] = subject.about.step
    for precision, each, tolerance in (
        ("float32", subject, 1e-4), ("float64", subject.double(), 1e-8)
    ):
        for name, value in answers(each, tolerance).items():
            found[f"{folder.name}/{precision}/{name}"] = value
assert "transformers" not in sys.modules
np.savez(sys.argv[2], **found)
"""

# The program does what the model does, operation by operation: most of it agrees to the last bit.
# Not where the model has a fused kernel that its program spells out, and not an eigenvalue: two
# iterations of sixty products each round inner products of thousands of numbers in their own way.
BOUNDS = {
    "float32": dict.fromkeys(QUANTITIES, 1e-6) | {"eigenvalue": 5e-6},
    "float64": dict.fromkeys(QUANTITIES, 1e-12),
}


def vanishing(folder):
    """The models, defined in a file of their own, which is deleted as soon as it is loaded."""
    path = folder / "vanishing.py"
    shutil.copy(ROOT / "tests" / "probes" / "program" / "models.py", path)
    spec = importlib.util.spec_from_file_location("vanishing", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path.unlink()
    return module


def trained(models, name, folder):
    model, loss, batch = models.made(name)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Recorder(model, optimizer, folder, probes=[Snapshots()], loss=loss, batch=batch):
        for _ in range(STEPS):
            optimizer.zero_grad()
            models.live_loss(model, loss, batch).backward()
            optimizer.step()
    return Live(models, model.eval(), loss, batch)


class Live:
    """The model itself: nothing here is the product's."""

    def __init__(self, models, model, loss, batch):
        self.models, self.model, self.objective, self.batch = models, model, loss, batch

    def double(self):
        model = copy.deepcopy(self.model).double()
        return Live(self.models, model, self.objective, _doubled(self.batch))

    def loss(self):
        return self.models.live_loss(self.model, self.objective, self.batch)

    def predictions(self):
        with torch.no_grad():
            if self.objective is None:
                return self.model(**self.batch).logits.numpy()
            return self.model(self.batch[0]).numpy()

    def landscape(self, parameters, plane, axis):
        """By moving the model's own weights, and back."""
        centre = nn.utils.parameters_to_vector(parameters).detach().clone()
        one, two = (torch.tensor(vector, dtype=centre.dtype) for vector in plane)
        losses = np.empty((len(axis), len(axis)))
        with torch.no_grad():
            for row, y in enumerate(axis.tolist()):
                for column, x in enumerate(axis.tolist()):
                    nn.utils.vector_to_parameters(centre + x * one + y * two, parameters)
                    losses[row, column] = self.loss()
            nn.utils.vector_to_parameters(centre, parameters)
        return losses

    def hessian(self, parameters):
        """As a function of a vector; attention by the one kernel that has second derivatives."""
        with sdpa_kernel(SDPBackend.MATH):
            gradient = torch.autograd.grad(self.loss(), parameters, create_graph=True)
        flat = torch.cat([part.flatten() for part in gradient])

        def product(vector):
            along = torch.as_tensor(vector.reshape(-1), dtype=flat.dtype)
            parts = torch.autograd.grad(flat, parameters, along, retain_graph=True)
            return torch.cat([part.flatten() for part in parts]).numpy()

        return product, len(flat)

    def answers(self, asked):
        """The same questions, at the vectors that the other side asked them of."""
        named = dict(self.model.named_parameters())
        parameters = [named[name] for name in asked["names"]]
        product, size = self.hessian(parameters)
        kind = next(iter(named.values())).detach().numpy().dtype
        operator = LinearOperator((size, size), matvec=product, dtype=kind)
        top = eigsh(operator, k=1, which="LA", return_eigenvectors=False, v0=np.ones(size, kind))
        plane = (asked["x"], asked["y"])
        return {
            "predictions": self.predictions(),
            "loss": self.loss().item(),
            "landscape": self.landscape(parameters, plane, asked["axis"]),
            "product": product(asked["vector"]),
            "eigenvalue": float(top[0]),
        }


def _doubled(batch):
    if isinstance(batch, dict):
        return {name: _doubled(part) for name, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(map(_doubled, batch))
    return batch.double() if batch.is_floating_point() else batch


def difference(ours, theirs):
    """Of vectors as a whole; of surfaces the worst node's."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.ndim == 2 and ours.shape == (5, 5):
        return float(np.max(np.abs(ours - theirs) / np.abs(theirs)))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def read_elsewhere(place):
    """What a process says that has the product and copies of the folders, and nothing else."""
    library = place / "library"
    library.mkdir()
    for room in ("probes", "diagnostics"):
        (library / room).symlink_to(ROOT / room)
    done = subprocess.run(
        [sys.executable, "-c", READER, place / "copied", place / "found.npz"],
        capture_output=True, text=True, timeout=200, cwd=place, check=False,
        env={"PYTHONPATH": str(library), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(place / "found.npz") as found:
        return dict(found)


def table(differences):
    head = f"{'':8} {'':8}" + "".join(f"{quantity:>13}" for quantity in QUANTITIES)
    rows = [
        f"{name:8} {precision:8}" + "".join(f"{found[quantity]:13.1e}" for quantity in QUANTITIES)
        for (name, precision), found in differences.items()
    ]
    return "\n".join([head, *rows])


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """How far both sides are apart: of every model and precision, each quantity."""
    place = tmp_path_factory.mktemp("alone")
    models = vanishing(place)
    live = {name: trained(models, name, place / "made" / name) for name in NAMES}
    shutil.copytree(place / "made", place / "copied")
    shutil.rmtree(place / "made")
    found, apart = read_elsewhere(place), {}
    for name, model in live.items():
        assert found[f"{name}/step"] == STEPS
        for precision, each in (("float32", model), ("float64", model.double())):
            start = f"{name}/{precision}/"
            ours = {k.removeprefix(start): v for k, v in found.items() if k.startswith(start)}
            theirs = each.answers(ours)
            assert np.ptp(theirs["landscape"]) > 0.01 * abs(theirs["loss"])  # there is a shape
            apart[name, precision] = {q: difference(ours[q], theirs[q]) for q in QUANTITIES}
    print(f"\n{table(apart)}")
    return apart


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_folder_alone_gives_what_the_live_model_gives(differences, name, precision, quantity):
    assert differences[name, precision][quantity] <= BOUNDS[precision][quantity]
