import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject import Subject
from diagnostics.subject.jacobian_rows import (
    AT_ONCE,
    Task,
    chunks,
    fastest,
    mapped,
    of_whole_batch,
    one_by_one,
    predictions,
    some_of,
)
from probes import Whole
from probes.folder import FathomError

torch.set_num_threads(1)


class Centred(nn.Module):
    """A prediction that depends on the other examples of its batch."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        found = torch.tanh(self.linear(x))
        return found - found.mean(0)


class LastOfLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.lstm(x[:, None].expand(-1, 5, -1))[0][:, -1])


class Cosine(torch.autograd.Function):
    """As it should be, and something else under vmap."""

    @staticmethod
    def forward(x):
        return x.cos()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, x):
        return (1.5 * x).cos(), in_dims[0]


class Sine(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * Cosine.apply(ctx.saved_tensors[0])


class Waves(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return Sine.apply(self.linear(x))


def subject_of(model, sizes=(6,)):
    torch.manual_seed(0)
    data = [(torch.randn(n, 4).double(), torch.randn(n, 2).double()) for n in sizes]
    return Subject(model.double(), functional.mse_loss, data)


WAYS = {
    "a network": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), mapped),
    "what vmap cannot do": (LastOfLSTM, one_by_one),
    "what vmap does wrong in silence": (Waves, one_by_one),
    "examples that touch": (Centred, of_whole_batch),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_fastest_way_that_is_right(name):
    make, expected = WAYS[name]
    torch.manual_seed(0)
    subject = subject_of(make())
    task = Task(subject, subject.centre, (0, 1))
    (chunk,) = chunks(task, 6)
    way = fastest(task, chunk, subject.pieces)
    assert way is expected
    rows = way(task, chunk, subject.pieces)
    truth = of_whole_batch(task, chunk, subject.pieces)
    torch.testing.assert_close(rows, truth, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("way", [mapped, one_by_one, of_whole_batch])
def test_some_tensors_and_some_outputs_alone(way):
    torch.manual_seed(0)
    subject = subject_of(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), (3, 5))
    both, one = (Task(subject, subject.centre, chosen) for chosen in ((0, 1), (1,)))
    _, chunk = chunks(both, 5)
    assert (chunk.place, len(chunk.rows)) == (slice(3, 8), 5)
    whole = of_whole_batch(both, chunk, subject.pieces)
    bias, head = subject.pieces[1], subject.pieces[2]
    expected = torch.cat([whole[:, 1:, p.start : p.stop] for p in (bias, head)], -1)
    torch.testing.assert_close(way(one, chunk, [bias, head]), expected)


class Spare(nn.Module):
    """Of two tensors one is never used."""

    def __init__(self):
        super().__init__()
        self.idle, self.linear = nn.Parameter(torch.ones(3)), nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x)


@pytest.mark.parametrize("way", [mapped, one_by_one, of_whole_batch])
def test_of_a_tensor_that_is_not_used_the_rows_are_0(way):
    subject = subject_of(Spare())
    task = Task(subject, subject.centre, (0, 1))
    (chunk,) = chunks(task, 6)
    assert not way(task, chunk, subject.pieces[:1]).any()
    assert way(task, chunk, subject.pieces)[:, :, 3:].any()


def test_a_way_is_tried_on_the_examples_that_it_is_for():
    torch.manual_seed(0)
    subject = subject_of(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)))
    task = Task(subject, subject.centre, (0, 1))
    _, last = chunks(task, 3)
    assert last.rows == range(3, 6)
    assert fastest(task, last, subject.pieces) is mapped


def test_chunks_are_of_one_batch_and_bounded():
    subject = subject_of(nn.Linear(4, 2), (3, 5))
    task = Task(subject, subject.centre, (0, 1))
    assert [(c.place.start, c.place.stop) for c in chunks(task, 2)] == [
        (0, 2), (2, 3), (3, 5), (5, 7), (7, 8),
    ]  # fmt: skip
    assert [len(c.rows) for c in chunks(task, 0)] == [1] * 8
    many = Task(subject, subject.centre, tuple(range(AT_ONCE)))
    assert [len(c.rows) for c in chunks(many, 100)] == [1] * 8


def test_some_examples_of_a_batch_keep_what_has_no_rows():
    subject = subject_of(nn.Linear(4, 2), (5,))
    (batch,) = subject._batches.all
    batch.inputs["scale"] = torch.tensor(2.0)
    cut = some_of(batch, [3, 1])
    assert cut.size == 2
    assert torch.equal(cut.inputs["inputs"], batch.inputs["inputs"][[3, 1]])
    assert cut.inputs["scale"] is batch.inputs["scale"]


def test_without_predictions_there_is_nothing_to_differentiate():
    loss = Whole(lambda model, x: model(x).square().mean())
    subject = Subject(nn.Linear(4, 2), loss, torch.randn(3, 4))
    with pytest.raises(FathomError, match="predicts nothing for 3 examples"):
        predictions(subject, subject.centre, subject._batches.all[0])


class Scaled(nn.Module):
    """Of one input for each example, and one for all of them."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x, scale):
        return self.linear(x) * scale.sum()


@pytest.mark.parametrize("way", [mapped, one_by_one])
def test_an_input_as_long_as_a_chunk_is_not_cut_by_examples(way):
    torch.manual_seed(0)
    inputs = {"x": torch.randn(8, 4), "scale": torch.tensor([1.0, 2.0, 3.0])}
    subject = Subject(Scaled(), functional.mse_loss, [(inputs, torch.randn(8, 2))])
    task = Task(subject, subject.centre, (0, 1))
    _, last = chunks(task, 5)
    assert last.rows == range(5, 8)  # three of them
    truth = of_whole_batch(task, last, subject.pieces)
    torch.testing.assert_close(way(task, last, subject.pieces), truth)
