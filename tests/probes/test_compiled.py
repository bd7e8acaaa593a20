from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from diagnostics import Run
from probes import Activations, Recorder
from probes.compiled import is_compiled
from tests.probes.watching import Watching

# Importing torch.compile's machinery warns of its own deprecated parts.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(8, 16), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.BatchNorm1d(16)
        )
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.body(x))


LAYERS = {"body.0", "body.1", "body.2", "body.3", "head"}
LATE = {"in place, after"}


@pytest.fixture
def counter():
    from torch._dynamo.testing import CompileCounterWithBackend
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    yield CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()


def breaks():
    from torch._dynamo.utils import counters

    return sum(counters["graph_break"].values())


def steps(model, optimizer, batches, number):
    losses = []
    for _ in range(number):
        x, y = next(batches)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def batches():
    generator = torch.Generator().manual_seed(1)
    while True:
        yield torch.randn(12, 8, generator=generator), torch.arange(12) % 3


def trained(way, counter, path=None):
    """Losses, weights, and the folder of twelve steps compiled in one of the ways."""
    torch.manual_seed(0)
    model, data = Net(), batches()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)

    def compiled():
        return torch.compile(model, backend=counter)

    def recorder(whole):
        return Recorder(whole, optimizer, path, every=4) if path else None

    losses = []
    if way == "before":
        called = compiled()
        watched = recorder(called)
    elif way == "after":
        watched = recorder(model)
        called = compiled()
    elif way == "after the first call":
        called = compiled()
        losses += steps(called, optimizer, data, 1)
        watched = recorder(called)
    else:
        called = model
        watched = recorder(model) if way == "in place, after" else None
        model.compile(backend=counter)
        watched = watched or recorder(model)
    losses += steps(called, optimizer, data, 8)
    if watched:
        watched.close()
    return losses, model


WAYS = ["before", "after", "after the first call", "in place", "in place, after"]


@pytest.mark.parametrize("way", WAYS)
def test_there_is_one_graph_for_recorded_steps_and_one_for_idle_ones(
    tmp_path, counter, caplog, way
):
    losses, model = trained(way, counter)
    assert counter.frame_count == 1
    torch._dynamo.reset()
    counter.frame_count = 0
    found, twin = trained(way, counter, tmp_path / "run")
    assert counter.frame_count == (3 if way == "after the first call" else 2)
    assert breaks() == 0
    assert found == losses
    assert all(torch.equal(model.state_dict()[k], v) for k, v in twin.state_dict().items())
    run = Run(tmp_path / "run")
    assert run.steps("gradients").tolist() == [1, 4, 8]
    assert ("activations" in run.series) == (way not in LATE)
    assert caplog.text.count("the layers' outputs are not seen") == (way in LATE)
    if way not in LATE:
        assert run.steps("activations").tolist() == [1, 4, 8]
        assert {name for name, t in run.tensors.items() if t.role == "output"} == LAYERS
        counts = run.column("activations", "count", ["body.1", "head"])
        assert counts.tolist() == [[12 * 16, 12 * 3]] * 3


def test_outputs_in_a_graph_are_the_same_numbers_before_they_are_changed_in_place(counter):
    def rows(*, compiled):
        torch.manual_seed(0)
        model = Net()
        called = torch.compile(model, backend=counter) if compiled else model
        with Watching(called, torch.optim.SGD(model.parameters(), 0.1), Activations()) as rig:
            called(torch.randn(12, 8)).sum().backward()
            rig.step()
            return rig.rows("activations")

    eager, compiled = rows(compiled=False), rows(compiled=True)
    assert eager.keys() == compiled.keys() == LAYERS
    assert eager["body.0"]["min"] < 0
    for name, row in eager.items():
        assert compiled[name] == pytest.approx(row, nan_ok=True, rel=1e-5, abs=1e-6)


def test_a_compiled_models_evaluation_is_not_counted(counter):
    model = Net()
    called = torch.compile(model, backend=counter)
    with Watching(called, torch.optim.SGD(model.parameters(), 0.1), Activations()) as rig:
        called(torch.randn(12, 8)).sum().backward()
        called.eval()
        called(torch.randn(50, 8))
        called.train()
        with torch.no_grad():
            called(torch.randn(50, 8))
        rig.step()
        assert rig.rows("activations")["head"]["count"] == 12 * 3


def test_a_single_compiled_layer_has_a_name(counter):
    model = nn.Linear(8, 3)
    called = torch.compile(model, backend=counter)
    with Watching(called, torch.optim.SGD(model.parameters(), 0.1), Activations()) as rig:
        called(torch.randn(4, 8)).sum().backward()
        rig.step()
        assert rig.rows("activations").keys() == {"(model)"}
        described = rig.watch.describe("(model)")
    assert (described.module, described.module_type, described.shape) == ("", "Linear", "4x3")


def test_copies_and_pickles_of_a_compiled_model_work_and_are_not_watched(counter):
    model = Net()
    called = torch.compile(model, backend=counter)
    with Watching(called, torch.optim.SGD(model.parameters(), 0.1), Activations()) as rig:
        saved = io.BytesIO()
        torch.save(model, saved)
        saved.seek(0)
        for twin in (copy.deepcopy(model), torch.load(saved, weights_only=False)):
            twin(torch.randn(12, 8)).sum().backward()
        rig.step()
        assert rig.rows("activations") == {}
    assert not any(module._forward_hooks for module in model.modules())


def test_the_compiler_is_left_as_it_was_whichever_recorder_ends_first():
    from torch._dynamo import config

    before = config.skip_nnmodule_hook_guards
    for first in (0, 1):
        models = [torch.compile(Net(), backend="eager") for _ in range(2)]
        rigs = [Watching(m, torch.optim.SGD(m.parameters(), 0.1), Activations()) for m in models]
        assert not config.skip_nnmodule_hook_guards
        rigs[first].leave()
        assert not config.skip_nnmodule_hook_guards
        rigs[1 - first].leave()
        assert config.skip_nnmodule_hook_guards == before


def test_a_model_is_compiled_as_a_whole_in_place_or_in_part():
    model = Net()
    assert not is_compiled(model)
    assert is_compiled(torch.compile(model))
    model.body = torch.compile(model.body)
    assert is_compiled(model)
    other = Net()
    other.compile()
    assert is_compiled(other)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_compiled_part_that_is_checkpointed_counts_once(counter, reentrant):
    model = Net()
    model.body = torch.compile(model.body, backend=counter)
    with Watching(model, torch.optim.SGD(model.parameters(), 0.1), Activations()) as rig:
        x = torch.randn(12, 8, requires_grad=True)
        model.head(checkpoint(model.body, x, use_reentrant=reentrant)).sum().backward()
        rig.step()
        rows = rig.rows("activations")
    assert {name: row["count"] for name, row in rows.items()} == {
        **{f"body._orig_mod.{n}": 12 * 16 for n in range(4)}, "head": 12 * 3,
    }  # fmt: skip
