import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.subject.precision import in_float64
from probes import Recorder, Snapshots
from probes.program import capture, prepare
from probes.program.weights_by_name import live_weights
from tests.probes.program.models import program_of, weights_for

torch.set_num_threads(1)
WIDE = torch.float64


def doubled(tensors):
    return {k: t.double() if t.is_floating_point() else t for k, t in tensors.items()}


class Makes(nn.Module):
    """Tensors of its own making, and a detour over another precision."""

    def __init__(self, own: torch.dtype, detour: torch.dtype) -> None:
        super().__init__()
        self.head, self.own, self.detour = nn.Linear(6, 5), own, detour

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = torch.ones(6, dtype=self.own) / 3 + torch.full((6,), 0.1, dtype=self.own)
        return self.head((x * made).to(self.detour).sin().to(self.own)).softmax(-1, self.detour)


def test_it_is_the_same_model_in_float64_from_the_start():
    torch.manual_seed(0)
    narrow, wide = Makes(torch.float32, torch.bfloat16), Makes(WIDE, WIDE).double()
    wide.load_state_dict(doubled(narrow.state_dict()))
    batch = {"inputs": torch.randn(8, 6), "target": torch.randint(5, (8,))}
    recorded = capture(narrow, functional.cross_entropy, tuple(batch.values()))
    weights = doubled(live_weights(narrow) | recorded.constants)
    with torch.no_grad():
        [found] = prepare(in_float64(recorded.program))(weights, doubled(batch)).values()
        exact = functional.cross_entropy(wide(batch["inputs"].double()), batch["target"])
    assert found.dtype is WIDE
    assert found.item() == pytest.approx(exact.item(), rel=1e-14)


def test_what_is_made_without_a_word_on_its_precision_is_in_float64_too():
    class Zeros(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(6, 5)

        def forward(self, x):
            return self.head(x) + self.head(torch.zeros(x.shape[0], 6) + torch.full((6,), 0.5))

    torch.manual_seed(0)
    model, (x, y) = Zeros(), (torch.randn(8, 6), torch.randint(5, (8,)))
    program = in_float64(capture(model, functional.cross_entropy, (x, y)).program)
    weights = doubled(dict(model.named_parameters()))
    found = prepare(program)(weights, {"inputs": x.double(), "target": y})["loss"]
    exact = copy.deepcopy(model.head).double()
    output = exact(x.double()) + exact(torch.full((8, 6), 0.5, dtype=WIDE))
    expected = functional.cross_entropy(output, y)
    assert found.item() == pytest.approx(expected.item(), rel=1e-14)


@pytest.mark.parametrize("name", ["mlp", "gpt", "mlp in float64"])
def test_what_converts_nothing_stays_as_it_is(name):
    model, recorded = program_of(name)
    program = in_float64(recorded.program)
    assert program.graphs == recorded.program.graphs
    assert weights_for(model, recorded)


def test_a_recorded_lstm_can_be_doubled(tmp_path):
    """Its first state is zeros that the program makes."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.head = nn.LSTM(6, 8, batch_first=True), nn.Linear(8, 5)

        def forward(self, x):
            return self.head(self.cells(x)[0][:, -1])

    torch.manual_seed(0)
    model, (x, y) = Last(), (torch.randn(8, 4, 6), torch.randint(5, (8,)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    how = {"loss": functional.cross_entropy, "batch": (x, y)}
    with Recorder(model, optimizer, tmp_path / "run", probes=[Snapshots()], **how):
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    subject = Run(tmp_path / "run").subject()
    double = subject.double()
    exact = functional.cross_entropy(model.double()(x.double()), y).item()
    assert double.loss_at(double.centre) == pytest.approx(exact, rel=1e-14)
    narrow = subject.loss_at(subject.centre)  # and the one it came from is as it was
    assert abs(narrow - exact) > 1e-12
    assert narrow == pytest.approx(exact, rel=1e-6)
