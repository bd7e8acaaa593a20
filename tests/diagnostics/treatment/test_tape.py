import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from diagnostics.treatment.tape import SEEN, UNSEEN, recorded
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, split, training


def numbered(count=40):
    x = torch.randn(count, 6)
    return x, torch.arange(count) % 3


def test_batches_come_in_the_loaders_own_order_epoch_after_epoch():
    x, y = numbered()
    tape = recorded(training(batches=split(x, y, 10)), 0, 0, 9)
    assert len(tape.batches) == 9
    for n, (inputs, _) in enumerate(tape.batches):
        assert torch.equal(inputs, x[n % 4 * 10 : n % 4 * 10 + 10])


def test_another_part_of_them_is_read_for_another_seed():
    x, y = numbered()
    tape = recorded(training(batches=split(x, y, 10)), 0, 3, 2)
    assert torch.equal(tape.batches[0][0], x[30:])
    assert torch.equal(tape.batches[1][0], x[:10])


def test_a_shuffling_loader_is_read_as_it_would_have_been():
    x, y = numbered()
    loader = DataLoader(TensorDataset(x, y), 8, shuffle=True)
    first = recorded(training(batches=loader), 0, 0, 12)
    again = recorded(training(batches=loader), 0, 0, 12)
    other = recorded(training(batches=loader), 1, 0, 12)
    same = [torch.equal(a[0], b[0]) for a, b in zip(first.batches, again.batches, strict=True)]
    assert all(same)
    assert not torch.equal(first.batches[0][0], other.batches[0][0])


def test_a_function_may_give_the_batches():
    x, y = numbered()
    tape = recorded(training(batches=lambda: iter(split(x, y, 10))), 0, 0, 6)
    assert torch.equal(tape.batches[4][0], x[:10])


def test_losses_are_measured_on_so_many_rows_at_most_and_on_none_that_is_missing():
    x, y = points(2000)
    x[3] = float("nan")
    tape = recorded(training(batches=split(x, y, 100), held_out=split(x, y, 100)), 0, 0, 20)
    assert sum(len(part[1]) for part in tape.seen) == SEEN
    assert sum(len(part[1]) for part in tape.unseen) == UNSEEN
    assert torch.isfinite(tape.seen[0][0]).all()
    assert len(tape.seen[0][1]) == 99
    assert torch.isnan(tape.batches[0][0]).any()


def test_a_loader_that_gives_nothing_is_said_to():
    with pytest.raises(FathomError, match="no batch at all"):
        recorded(training(batches=[]), 0, 0, 3)


def test_of_rows_that_are_all_missing_something_is_looked_at_all_the_same():
    x, y = numbered()
    x[:, 1] = float("nan")
    tape = recorded(training(batches=split(x, y, 10)), 0, 0, 3)
    assert [len(part[1]) for part in tape.seen] == [10]
