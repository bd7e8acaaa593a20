import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev
from torch.nn import functional

from diagnostics import Run
from diagnostics.subject import Subject
from diagnostics.subject.jacobian import _groups, _pairs, jacobian, kernel
from diagnostics.subject.jacobian_rows import Task
from probes import Recorder, Snapshots
from probes.folder import FathomError
from tests.diagnostics.subject.networks import LastOfLSTM

torch.set_num_threads(1)


class Tied(nn.Module):
    """The same weights going in and out, as of many language models."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(torch.tanh(self.embed(x)).mean(1))


def normalised():
    """With running statistics of its own."""
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))
    model[1].running_mean.normal_()
    model[1].running_var.uniform_(0.5, 2)
    return model


CASES = {
    "layer norm": (
        lambda: nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3)),
        (5,),
    ),
    "batch norm, running": (normalised, (5,)),
    "lstm": (LastOfLSTM, (6, 3)),
    "tied weights": (Tied, (7,)),
    "attention": (
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), nn.Flatten(), nn.Linear(12, 3)
        ),
        (3, 4),
    ),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2), nn.GELU(), nn.Flatten(), nn.Linear(8, 3)
        ),
        (1, 4, 4),
    ),
}


def made(name, sizes=(8, 5)):
    make, shape = CASES[name]
    torch.manual_seed(0)
    model = make()
    if name == "tied weights":
        inputs = [torch.randint(5, (n, *shape)) for n in sizes]
    else:
        inputs = [torch.randn(n, *shape) for n in sizes]
    return model.eval(), [(x, torch.randint(3, (len(x),))) for x in inputs]


def rows_by_hand(model, batches):
    """A loop over examples and outputs, of the model as it is: [example, output, weight]."""
    found = []
    for x, _ in batches:
        for numbers in model(x):
            for number in numbers:
                rows = torch.autograd.grad(number, [*model.parameters()], retain_graph=True)
                found.append(torch.cat([row.flatten() for row in rows]))
    count = sum(len(x) for x, _ in batches)
    return torch.stack(found).reshape(count, -1, len(found[0]))


def doubled(model, batches):
    change = [(x.double() if x.is_floating_point() else x, y) for x, y in batches]
    return model.double(), change


def apart(one, other):
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("name", CASES)
def test_rows_and_kernels_are_those_of_a_loop_by_hand(name):
    model, batches = made(name)
    subject = Subject(model, functional.cross_entropy, batches)
    fine = subject.double()
    single, found = (jacobian(s, s.centre) for s in (subject, fine))
    exact = rows_by_hand(*doubled(model, batches))
    assert apart(single.double(), exact) < 1e-6
    assert apart(found, exact) < 1e-12
    flat = exact.flatten(0, 1)
    whole = (flat @ flat.T).numpy()
    assert kernel(fine, fine.centre) == pytest.approx(whole, rel=1e-12, abs=1e-13)
    assert np.abs(kernel(subject, subject.centre) - whole).max() < 1e-6 * np.abs(whole).max()


def test_it_is_jacrev_where_that_is_right():
    model, batches = doubled(*made("convolution", (7,)))
    subject = Subject(model, functional.cross_entropy, batches)
    named = {name: p.detach() for name, p in model.named_parameters()}
    rows = jacrev(lambda w: functional_call(model, w, (batches[0][0],)))(named)
    expected = torch.cat([rows[name].flatten(2) for name in named], -1)
    assert apart(jacobian(subject, subject.centre), expected) < 1e-12


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_program_has_the_kernel_of_its_model(name, tmp_path):
    model, batches = made(name, (6,))
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    ((x, y),) = batches
    how = {"loss": functional.cross_entropy, "batch": (x, y), "probes": [Snapshots()]}
    with Recorder(model, optimizer, tmp_path / "run", **how):
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    subject = Run(tmp_path / "run").subject().double()
    exact = rows_by_hand(*doubled(model, batches)).flatten(0, 1)
    expected = (exact @ exact.T).numpy()
    assert kernel(subject, subject.centre) == pytest.approx(expected, rel=1e-12, abs=1e-13)


OUTPUTS = {
    "all": lambda rows: rows.flatten(0, 1) @ rows.flatten(0, 1).T,
    "mean": lambda rows: torch.einsum("iow,jow->ij", rows, rows) / rows.shape[1],
    2: lambda rows: rows[:, 2] @ rows[:, 2].T,
}


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("room", [0, 1 << 12, 1 << 10, 300])
def test_in_whatever_room_it_is_the_same_kernel(outputs, room):
    """From all at once to one example's derivatives by one tensor."""
    model, batches = doubled(*made("layer norm"))
    subject = Subject(model, functional.cross_entropy, batches)
    if outputs == "all" and room == 300:
        with pytest.raises(FathomError, match="720 bytes, and 300 may be used"):
            kernel(subject, subject.centre, outputs, room)
        return
    expected = OUTPUTS[outputs](rows_by_hand(model, batches)).numpy()
    found = kernel(subject, subject.centre, outputs, room or 1 << 30)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert (found == found.T).all()


@pytest.mark.parametrize("room", [4000, 12000, 1 << 20])
def test_no_more_than_the_room_is_held(room):
    """And a quarter of it for those that pass by."""
    model, batches = doubled(*made("layer norm", (40, 7)))
    subject = Subject(model, functional.cross_entropy, batches)
    task, seen = Task(subject, subject.centre, (0, 1, 2)), 0
    for pieces in _groups(task, room):
        for (_, one), (_, other) in _pairs(task, pieces, room):
            assert one.nbytes <= room
            assert other is one or other.nbytes <= room / 4
            seen += 1
    assert (seen == 1) is (room == 1 << 20)


def test_one_output_alone():
    model, batches = doubled(*made("layer norm"))
    subject = Subject(model, functional.cross_entropy, batches)
    rows = jacobian(subject, subject.centre, 1)
    assert rows.shape == (13, 1, len(subject.centre))
    torch.testing.assert_close(rows, jacobian(subject, subject.centre)[:, 1:2])


def test_at_any_point_and_nothing_is_changed():
    model, batches = doubled(*made("layer norm"))
    subject = Subject(model, functional.cross_entropy, batches)
    centre, there = subject.centre.clone(), 2 * subject.centre
    found = jacobian(subject, there)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    assert apart(found, rows_by_hand(model, batches)) < 1e-12
    assert torch.equal(subject.centre, centre)
    assert not found.requires_grad


@pytest.mark.parametrize("statistics", ["batch", "re-estimated"])
def test_statistics_of_a_batch_are_refused(statistics):
    model, batches = made("batch norm, running")
    subject = Subject(model, functional.cross_entropy, batches, statistics=statistics)
    for ask in (jacobian, kernel):
        with pytest.raises(FathomError, match="statistics='running'"):
            ask(subject, subject.centre)


def test_what_cannot_be_is_refused(monkeypatch):
    model, batches = made("layer norm")
    subject = Subject(model, functional.cross_entropy, batches)
    with pytest.raises(FathomError, match=r"no output 3; a prediction has 3 \(0 to 2\)"):
        jacobian(subject, subject.centre, 3)
    monkeypatch.setattr("diagnostics.subject.jacobian.spare_memory", lambda device: 1000)
    with pytest.raises(FathomError, match="13 examples' 3 outputs by 69 weights take 10,764 bytes"):
        jacobian(subject, subject.centre)
    with pytest.raises(FathomError, match="39 rows takes 24,336 bytes, and 500"):
        kernel(subject, subject.centre)


def test_predictions_of_several_sizes_are_refused():
    torch.manual_seed(0)
    data = [(torch.randn(4, t, 2), torch.randn(4, t, 3)) for t in (5, 7)]
    subject = Subject(nn.Linear(2, 3), functional.mse_loss, data)
    with pytest.raises(FathomError, match="are of 15, 21 numbers"):
        kernel(subject, subject.centre)


def test_weights_in_halves():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1)), torch.randn(9, 5)
    model, x = model.bfloat16(), x.bfloat16()
    subject = Subject(model, functional.mse_loss, (x, x[:, :1]))
    found = kernel(subject, subject.centre)
    exact = rows_by_hand(model.float(), [(x.float(), None)]).flatten(0, 1)
    expected = (exact @ exact.T).numpy()
    assert 1e-6 < np.abs(found - expected).max() / expected.max() < 0.02
