"""What reaches a probe of one step's calls, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from probes.arenas import Arenas
from probes.layers import Layers
from probes.probe import Call, Pass
from probes.showing import Showing
from probes.troubles import STRIKES, Troubles


class Witness:
    """Remembers what it was shown."""

    series = "witness"
    state = "seen"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.gradients: list[Tensor] = []
        self.passes: list[Pass] = []

    def called(self, call: Call) -> None:
        self.calls.append(call)
        if call.outputs[0][1].requires_grad:
            call.follow(call.outputs[0][1], self.gradients.append)

    def passed(self, whole: Pass) -> None:
        self.passes.append(whole)


class Failing(Witness):
    """Takes a sample, then fails."""

    series = "failing"

    def called(self, call: Call) -> None:
        self.calls.append(call)
        call.shelf.take(*call.outputs[0])
        raise RuntimeError("as planned")


class Rig:
    """A model of one layer, and what is shown of it."""

    def __init__(self, *probes: Witness) -> None:
        self.model = nn.Sequential(nn.Linear(2, 3))
        self.arenas = Arenas(len(probes))
        self.troubles = Troubles(Path("run"))
        layers = Layers(self.model, None)
        layers.name_of(self.model[0])  # as the hooks do on entering
        self.showing = Showing(layers, probes, self.arenas, self.troubles)
        self.showing.begin()

    def show(self) -> Tensor:
        x = torch.ones(4, 2)
        output: Tensor = self.model(x)
        self.showing.layer("0", self.model[0], (x,), output)
        return output


@pytest.fixture
def witness() -> Witness:
    return Witness()


def test_a_layers_output_is_shown_as_it_is(witness: Witness) -> None:
    output = Rig(witness).show()
    (call,) = witness.calls
    assert (call.name, call.outputs[0][0], call.recomputed) == ("0", "0", False)
    assert call.outputs[0][1] is output


def test_a_container_is_no_layer(witness: Witness) -> None:
    rig = Rig(witness)
    rig.showing.layer("", rig.model, (), torch.ones(2))
    assert not witness.calls


def test_a_gradient_is_shown_when_it_arrives_and_needs_none_itself(witness: Witness) -> None:
    rig = Rig(witness)
    loss = rig.show().pow(2).sum()
    torch.autograd.grad(loss, list(rig.model.parameters()), create_graph=True)
    (gradient,) = witness.gradients
    torch.testing.assert_close(gradient, 2 * witness.calls[0].outputs[0][1].detach())
    assert not gradient.requires_grad
    assert rig.showing.spent > 0


def test_a_gradient_that_arrives_in_a_later_step_is_not_shown(witness: Witness) -> None:
    rig = Rig(witness)
    output = rig.show()
    rig.showing.begin()
    output.sum().backward()  # type: ignore[no-untyped-call]
    assert not witness.gradients


def test_who_fails_is_asked_no_more_in_this_step_and_leaves_no_row(
    witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing()
    rig = Rig(failing, witness)
    rig.show()
    rig.show()
    assert "as planned" in caplog.text
    assert (len(failing.calls), len(witness.calls)) == (1, 2)
    assert not rig.arenas(torch.device("cpu")).shelves[0].taken


def test_who_keeps_failing_is_asked_no_more_at_all() -> None:
    failing = Failing()
    rig = Rig(failing)
    for _ in range(STRIKES + 3):
        rig.showing.begin()
        rig.show()
    assert len(failing.calls) == STRIKES


def test_a_pass_inside_vmap_is_not_shown(witness: Witness) -> None:
    rig = Rig(witness)

    def inside(x: Tensor) -> Tensor:
        rig.showing.whole(Pass(rig.model, False, (x,), {}, x))
        return x

    torch.func.vmap(inside)(torch.ones(3, 2))
    assert not witness.passes
    rig.showing.whole(Pass(rig.model, False, (torch.ones(2),), {}, None))
    assert len(witness.passes) == 1
