from __future__ import annotations

import gc
import json
import weakref

import pytest
import torch
from torch import nn

from probes.probe import OutputProbe, StepProbe
from probes.wiring import Wiring
from tests.probes.watching import Watching


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def wires(model, *inputs, call=None, steps=1):
    """What is told of a training of so many steps."""
    torch.manual_seed(0)
    with Watching(model, sgd(model), Wiring()) as rig:
        for _ in range(steps):
            (call or model)(*inputs).sum().backward()
            rig.step()
        told = [json.loads(text) for _, kind, text in rig.kept.events if kind == "wiring"]
    assert len(told) == 1
    return told[0]


X = torch.linspace(-1, 1, 12).reshape(3, 4)


def test_it_is_a_probe_of_outputs_and_steps():
    assert isinstance(Wiring(), OutputProbe)
    assert isinstance(Wiring(), StepProbe)


def test_a_chain():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2), nn.Tanh()))
    assert wires(model, X, steps=3) == {"1": "0", "2.0": "1", "2.1": "2.0"}


def test_what_is_changed_in_place_belongs_to_the_last_that_gave_it():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    assert wires(model, X) == {"1": "0", "2": "1"}


class Branches(nn.Module):
    """A sum, a view, two that share an input, a layer left out, one given by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left, self.right = (nn.Linear(4, 4) for _ in range(3))
        self.unused, self.flat, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 1)
        self.named = nn.Linear(4, 4)

    def forward(self, x):
        stem = self.stem(x)
        both = self.left(stem) + self.right(stem)
        named = self.named(input=both)
        return self.last(self.flat(named.view(-1, 2, 2).view(-1, 4)))


def test_only_the_very_tensor_counts():
    assert wires(Branches(), X) == {"left": "stem", "right": "stem", "last": "flat"}


def test_one_that_comes_after_a_part_of_a_tuple():
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(4, 5), nn.Linear(5, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0])

    assert wires(Recurrent(), X) == {"head": "lstm"}


def test_of_a_layer_called_twice_the_first_call_counts():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            return self.relu(self.two(self.relu(self.one(x))))

    assert wires(Twice(), X) == {"relu": "one", "two": "relu"}


def test_a_tensor_that_is_gone_is_not_taken_for_a_new_one_at_its_address():
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(30))

        def forward(self, x):
            total = x.new_zeros(())
            for layer in self.layers:
                with torch.no_grad():
                    total = total + layer(X.clone()).sum()  # given and freed, over and over
            return total + self.layers[0].weight.sum()

    assert wires(Forgetful(), X) == {}


def test_no_output_is_kept():
    model, met = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), []
    probe = Wiring()
    with Watching(model, sgd(model), probe):
        handle = model[0].register_forward_hook(lambda *given: met.append(weakref.ref(given[2])))
        model(X).sum().backward()
        handle.remove()
        gc.collect()
        assert [ref() for ref in met] == [None]


def test_passes_that_nobody_saw_are_waited_for():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    with Watching(model, sgd(model), Wiring()) as rig:
        rig.step()
        assert rig.kept.events == []
        for _ in range(2):
            model(X).sum().backward()
            rig.step()
        assert rig.kept.events == [(2, "wiring", '{"1":"0"}')]


def test_validation_is_no_training():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    with Watching(model, sgd(model), Wiring()) as rig:
        with torch.no_grad():
            model(X)
        rig.step()
        assert rig.kept.events == []


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpoint_runs_layers_twice_and_that_changes_nothing(reentrant):
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))

    def call(x):
        run = torch.utils.checkpoint.checkpoint
        return model[2](run(model[:2], model[0](x), use_reentrant=reentrant))

    assert wires(model, X, call=call)["1"] == "0"


def test_afterwards_nobody_asks_it_again():
    model, probe = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1)), Wiring()
    with Watching(model, sgd(model), probe) as rig:
        model(X).sum().backward()
        rig.step()
        assert probe.is_done
        probe.called = None  # would fail, if called
        model(X).sum().backward()
        rig.step()
        assert rig.troubles._counts == {}
