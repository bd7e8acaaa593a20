"""A whole preflight: nothing is disturbed, nothing ends it, and what is sound is told so."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam

import diagnostics
from diagnostics.checks import preflight
from diagnostics.checks.questions import CHECKS
from probes.folder import FathomError
from probes.program.objective import Whole
from tests.diagnostics.checks.parts import check_of, diseases, labels, mlp, rows


class Everything(nn.Module):
    """Dropout, batch statistics, spectral norm, a counter, a frozen part, a sparse gradient."""

    def __init__(self, *, copied=True):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.utils.parametrizations.spectral_norm(nn.Linear(16, 32))
        self.norm, self.drop, self.head = nn.BatchNorm1d(32), nn.Dropout(0.3), nn.Linear(32, 4)
        self.frozen = nn.Linear(32, 32).requires_grad_(False).eval()
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        if not copied:
            self.lock = threading.Lock()

    def forward(self, x):
        self.seen += 1
        hidden = self.drop(torch.relu_(self.norm(self.first(x))))
        return self.head(hidden + self.frozen(hidden))


def state(model, optimizer, *batches):
    """All that may not change, as bytes where it is numbers."""
    drawn = np.random.get_state()  # noqa: NPY002
    return {
        "tensors": {n: bytes_of(t) for n, t in model.state_dict().items()},
        "places": [id(t) for t in (*model.parameters(), *model.buffers())],
        "versions": [t._version for t in (*model.parameters(), *model.buffers())],
        "grads": {
            n: None if p.grad is None else bytes_of(p.grad) for n, p in model.named_parameters()
        },
        "wanted": [p.requires_grad for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()],
        "optimizer": repr(optimizer.state_dict()),
        "batches": [bytes_of(t) for batch in batches for t in batch],
        "drawn": (
            random.getstate(),
            drawn[1].tobytes(),
            drawn[2:],
            bytes_of(torch.get_rng_state()),
        ),
        "defaults": (torch.get_default_dtype(), torch.is_grad_enabled()),
    }


def bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().numpy().tobytes()


def a_step(model, optimizer, batch):
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


@pytest.mark.parametrize("copied", [True, False])
def test_everything_is_left_as_it_was(copied):
    model, batch, more = (
        Everything(copied=copied),
        (rows(), labels()),
        (rows(seed=4), labels(seed=5)),
    )
    optimizer = Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
    a_step(model, optimizer, batch)
    model.norm.weight.grad = None  # others hold a gradient
    before = state(model, optimizer, batch, more)
    with torch.no_grad():
        flight = preflight(model, nn.CrossEntropyLoss(), batch, optimizer=optimizer, batches=[more])
    after = state(model, optimizer, batch, more)
    assert {name for name in before if before[name] != after[name]} == set()
    assert not [check.told for check in flight.checks if "could not be" in check.told]


def test_training_goes_on_to_the_same_weights():
    def trained(*, looked_at):
        model, batch = Everything(), (rows(), labels())
        optimizer = SGD([p for p in model.parameters() if p.requires_grad], 0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            a_step(model, optimizer, batch)
            if looked_at:
                preflight(model, nn.CrossEntropyLoss(), batch, optimizer=optimizer)
        return [bytes_of(t) for t in model.state_dict().values()]

    assert trained(looked_at=True) == trained(looked_at=False)


def test_a_sound_setup_passes_every_check():
    model = mlp(16, 32, 32, 32, 4)
    for layer in model[::2]:
        nn.init.kaiming_normal_(layer.weight)
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    told = []
    flight = preflight(
        model, nn.CrossEntropyLoss(), (rows(), labels()), optimizer=optimizer,
        batches=[(rows(seed=s), labels(seed=s)) for s in range(5)],
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    assert flight.findings == ()
    assert [check.name for check in flight.checks] == [*CHECKS]
    assert [check.name for check in flight.checks if check.outcome != "fine"] == ["precision"]
    assert told[0] == (0, len(CHECKS))
    assert told[-1] == (len(CHECKS), len(CHECKS))
    assert flight.model == f"Sequential, {sum(p.numel() for p in model.parameters()):,} parameters"


def test_several_faults_are_found_together_and_the_cause_stands_first():
    model = nn.Sequential(*mlp(16, 32, 32, 4, act=nn.Tanh), nn.Softmax(-1))
    x = rows()
    x[:, 0] *= 500
    other = mlp(16, 32, 4)
    optimizer = SGD(other.parameters(), 0.1, momentum=0.999)
    flight = preflight(model, nn.CrossEntropyLoss(), (x, labels()), optimizer=optimizer)
    found = [f.disease for f in flight.findings if not f.because_of]
    assert {"double_softmax", "unnormalised_inputs", "params_not_in_optimizer"} <= {*found}
    assert "stale_momentum" in found
    assert check_of(flight, "objective").outcome == "finding"


def test_a_model_that_raises_is_told_in_every_check_and_ends_none():
    class Broken(nn.Linear):
        def forward(self, x):
            raise ValueError(f"no such\x1b[2J shape {[*x.shape]}")

    flight = preflight(Broken(16, 4), nn.CrossEntropyLoss(), (rows(), labels()))
    assert len(flight.checks) == len(CHECKS)
    told = check_of(flight, "depth").told
    assert told.startswith("could not be checked, because of ValueError: no such")
    assert flight.findings == ()


def test_one_broken_check_leaves_the_others(monkeypatch):
    def broken(asked):
        raise KeyError("a check of ours")

    monkeypatch.setitem(CHECKS, "depth", broken)
    flight = preflight(mlp(16, 32, 4), nn.CrossEntropyLoss(), (rows(), labels()))
    assert "KeyError" in check_of(flight, "depth").told
    assert check_of(flight, "units").outcome == "fine"


def test_when_the_time_is_up_the_rest_is_skipped():
    flight = preflight(mlp(16, 32, 4), nn.CrossEntropyLoss(), (rows(), labels()), seconds=1e-9)
    assert {check.outcome for check in flight.checks} == {"skipped"}
    assert "the time is up (seconds=1e-09)" in flight.checks[0].told


def test_losses_of_every_kind():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = mlp(16, 32, 4)

        def forward(self, x, y):
            return {"loss": nn.functional.cross_entropy(self.layers(x), y)}

    own = preflight(Own(), None, {"x": rows(), "y": labels()})
    whole = preflight(
        mlp(16, 32, 4), Whole(lambda model, batch: model(batch).square().mean()), rows()
    )
    for flight in (own, whole):
        assert diseases(flight) == []
        assert check_of(flight, "parameters").outcome == "fine"
        assert not [check.told for check in flight.checks if "could not be" in check.told]


def test_what_it_refuses():
    model, pair = mlp(16, 4), (rows(), labels())
    with pytest.raises(FathomError, match=r"seconds=0: give how long"):
        preflight(model, nn.CrossEntropyLoss(), pair, seconds=0)
    with pytest.raises(FathomError, match="optimizer is a float"):
        preflight(model, nn.CrossEntropyLoss(), pair, optimizer=0.1)
    with pytest.raises(FathomError, match="needs the pair"):
        preflight(model, nn.CrossEntropyLoss(), rows())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_it_finds_the_same_and_draws_nothing():
    model, batch = Everything().cuda(), (rows().cuda(), labels().cuda())
    optimizer = SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    before, drawn = repr(model.state_dict()), torch.cuda.get_rng_state()
    flight = preflight(model, nn.CrossEntropyLoss(), batch, optimizer=optimizer)
    assert repr(model.state_dict()) == before
    assert torch.equal(torch.cuda.get_rng_state(), drawn)
    assert not [check.told for check in flight.checks if "could not be" in check.told]
    there = preflight(Everything(), nn.CrossEntropyLoss(), (rows(), labels()))
    assert diseases(flight) == diseases(there)


def test_it_is_had_from_the_room_itself():
    assert diagnostics.preflight is preflight
