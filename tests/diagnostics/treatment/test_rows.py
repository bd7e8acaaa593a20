from collections import namedtuple

import torch

from diagnostics.treatment.rows import changed, finite, first, joined, size, some, split, whole


def batch(start, count):
    """Of two inputs, one of which is for all rows, and a target."""
    rows = torch.arange(start, start + count)
    return {"x": rows[:, None].float(), "adjacency": torch.ones(2, 2)}, rows


def test_the_size_is_what_most_tensors_agree_on():
    assert size(batch(0, 7)) == 7
    assert size({"a": torch.tensor(3.0)}) == 0


def test_some_rows_of_what_has_rows():
    found = some(batch(0, 7), torch.tensor([5, 1]))
    assert found[1].tolist() == [5, 1]
    assert found[0]["x"].flatten().tolist() == [5.0, 1.0]
    assert found[0]["adjacency"].shape == (2, 2)


def test_joining_and_splitting_give_back_what_there_was():
    parts = [batch(0, 4), batch(4, 4), batch(8, 3)]
    every = joined(parts)
    assert every[1].tolist() == list(range(11))
    again = split(every, [4, 4, 3])
    assert [part[1].tolist() for part in again] == [part[1].tolist() for part in parts]
    assert [part[0]["x"].shape for part in again] == [(4, 1), (4, 1), (3, 1)]


def test_rows_with_nothing_missing():
    inputs, rows = batch(0, 5)
    inputs["x"][2] = float("nan")
    inputs["x"][4] = float("inf")
    assert finite((inputs, rows)).tolist() == [True, True, False, True, False]
    assert whole((inputs, rows))[1].tolist() == [0, 1, 3]
    sound = batch(0, 3)
    assert whole(sound) is sound


def test_the_first_rows():
    assert first(batch(0, 7), 3)[1].tolist() == [0, 1, 2]


def test_the_form_of_a_batch_stays():
    pair = namedtuple("Pair", "x y")  # noqa: PYI024
    found = changed(pair(torch.zeros(2), [torch.ones(2), "name"]), lambda t: t + 1)
    assert isinstance(found, pair)
    assert found.y[0].tolist() == [2.0, 2.0]
    assert found.y[1] == "name"
