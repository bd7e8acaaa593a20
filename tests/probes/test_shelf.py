from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.sampling import SAMPLE
from probes.shelf import AGAIN
from tests.probes.desk import DEVICES, Desk, look, means, normal

KINDS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
EIGHTS = [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]


def change_of(tensor, move, *, whole=False, record=0):
    """The row of what a move does to a tensor."""
    desk = Desk()
    desk.record = record - 1
    shelf = desk.begin()
    shelf.remember(["x"], [tensor], whole=whole)
    move(tensor)
    shelf.change()
    return desk.rows()["x"]


def counted(*shape):
    return torch.arange(float(np.prod(shape))).view(shape)


# What is taken.


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [1, 2, 15, 4095, 4096])
def test_a_small_tensor_is_taken_whole(size, device):
    tensor = normal(size)
    [found], exact = look(tensor, device=device), tensor.double().numpy()
    assert found["count"] == size
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
    assert found["std"] == pytest.approx(exact.std(), rel=1e-5, abs=1e-12)
    assert (found["min"], found["max"]) == (exact.min(), exact.max())
    assert found["negatives"] == (exact < 0).sum()


@pytest.mark.parametrize("device", DEVICES)
def test_a_samples_moments_are_the_distributions_within_four_standard_errors(device):
    mean, std = 3.0, 2.0
    [found] = look(normal(1000, 1000) * std + mean, device=device)
    assert found["count"] == SAMPLE
    assert abs(found["mean"] - mean) < 4 * std / np.sqrt(SAMPLE)
    assert abs(found["std"] - std) < 4 * std / np.sqrt(2 * SAMPLE)


@pytest.mark.parametrize("device", DEVICES)
def test_the_sample_moves_with_the_record(device):
    desk, tensor, seen = Desk(device=device), counted(100_000).to(device), set()
    for _ in range(10):
        desk.begin().take_all(["x"], [tensor])
        seen.add(desk.rows()["x"]["min"])
    assert len(seen) == 10


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
def test_every_float_is_taken(dtype):
    tensor = normal(50, 60).to(dtype)
    [found], exact = look(tensor, norms=True), tensor.double().numpy()
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
    assert found["norm"] == pytest.approx(np.linalg.norm(exact), rel=1e-5)


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
def test_every_float_is_taken_from_an_output(dtype):
    tensor, desk = normal(120, 60).to(dtype), Desk()
    desk.begin().take("x", tensor)
    assert desk.rows()["x"]["max"] <= tensor.double().max()
    assert desk.rows()["x"]["count"] == SAMPLE


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_whatever_floats_the_trainer_has_as_default(kind):
    torch.set_default_dtype(kind)
    try:
        desk = Desk()
        shelf = desk.begin()
        shelf.take("bound", torch.tensor([0.96, 0.98, 0.98], dtype=torch.float32), (0.0, 1.0))
        shelf.take_all(["x"], [torch.full((9000,), 3.0, dtype=torch.float32)], norms=True)
        rows = desk.rows()
    finally:
        torch.set_default_dtype(torch.float32)
    assert (rows["x"]["mean"], rows["x"]["std"]) == (3, 0)
    assert rows["x"]["norm"] == pytest.approx(3 * np.sqrt(9000))
    assert (rows["bound"]["low"], rows["bound"]["high"]) == (0, 2)


LAYOUTS = {
    "transposed": lambda x: x.view(300, 400).T,
    "channels last": lambda x: x.view(10, 30, 20, 20).to(memory_format=torch.channels_last),
    "permuted": lambda x: x.view(10, 20, 30, 20).permute(3, 1, 0, 2),
    "a slice of its columns": lambda x: x.view(200, 600)[:, 200:400],
    "heads of queries": lambda x: x.view(4, 100, 3, 10, 10).permute(2, 0, 3, 1, 4)[1],
    "every other": lambda x: x[::2],
    "a stretch": lambda x: x[7:50_000],
    "expanded": lambda x: x[:3000, None].expand(3000, 5),
    "conjugated": lambda x: torch.view_as_complex(x.view(-1, 2)).conj().imag,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("record", [0, 1, 5])
def test_of_any_layout_a_sample_has_the_tensors_moments(layout, record):
    tensor, desk = LAYOUTS[layout](normal(120_000) * 2 + 3), Desk()
    desk.record = record - 1
    desk.begin().take("x", tensor)
    found, exact = desk.rows()["x"], tensor.double()
    rows = 3000 if layout == "expanded" else SAMPLE  # so many are independent
    assert found["count"] == SAMPLE
    assert abs(found["mean"] - exact.mean()) < 4 * exact.std() / np.sqrt(min(rows, SAMPLE))
    assert abs(found["std"] - exact.std()) < 4 * exact.std() / np.sqrt(2 * min(rows, SAMPLE))
    assert exact.min() <= found["min"] <= found["max"] <= exact.max()


SMALL = {
    "transposed": normal(40, 50).T,
    "strided": normal(60, 60)[::2, 1::3],
    "channels last": normal(4, 3, 8, 8).to(memory_format=torch.channels_last),
    "expanded": normal(1).expand(30, 7),
    "offset": normal(1000)[7:],
    "a number": torch.tensor(-2.5),
    "negated": torch._neg_view(normal(30)),
}


@pytest.mark.parametrize("layout", SMALL)
def test_memory_layout_does_not_matter(layout):
    tensor, desk = SMALL[layout], Desk()
    shelf, exact = desk.begin(), SMALL[layout].double().numpy()
    shelf.take_all(["x"], [tensor], norms=True)
    shelf.take("output", tensor)
    for found in desk.rows().values():
        assert found["count"] == exact.size
        assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
        assert found["std"] == pytest.approx(exact.std(), rel=1e-5, abs=1e-7)
    norm = desk.rows()["x"]["norm"]
    assert norm == pytest.approx(np.sqrt((exact**2).sum()), rel=1e-5)


def test_what_cannot_be_sampled_is_left_out_and_named():
    desk = Desk()
    shelf = desk.begin()
    tensors = {
        "none": None,
        "sparse": torch.ones(4, 4).to_sparse(),
        "int": torch.ones(2).int(),
        "complex": torch.ones(2, dtype=torch.complex64),
        "meta": torch.ones(2, device="meta"),
        "empty": torch.empty(0),
        "good": torch.full((5,), 7.0),
    }
    shelf.take_all(list(tensors), list(tensors.values()), norms=True)
    assert shelf.unfit == ["sparse", "int", "complex", "meta"]
    assert {name: (row["mean"], row["count"]) for name, row in desk.rows().items()} == {
        "good": (7, 5)
    }


def test_an_output_that_cannot_be_sampled_is_left_out_and_named():
    desk = Desk()
    shelf = desk.begin()
    for name, tensor in (("index", torch.ones(2).int()), ("none", torch.empty(0, 3))):
        shelf.take(name, tensor)
    assert shelf.unfit == ["index"]
    assert desk.reduce() is None


class Sharded:
    """What several processes hold together, as torch's DTensor does."""

    def __init__(self, part):
        self.part = part

    def to_local(self):
        return self.part


def test_of_a_tensor_that_processes_share_its_own_part_is_taken():
    desk, part = Desk(2), torch.full((6,), 3.0)
    shelf = desk.begin()
    shelf.take_all(["x"], [Sharded(part)], norms=True)
    shelf.take("output", Sharded(part))
    changing = desk.arena.shelves[1]
    changing.remember(["x"], [Sharded(part)], whole=True)
    part += 2
    changing.change()
    assert means(desk.rows()) == {"x": 3, "output": 3}
    assert desk.rows()["x"]["norm"] == pytest.approx(3 * np.sqrt(6))
    assert desk.rows(1)["x"]["norm"] == pytest.approx(2 * np.sqrt(6))


def test_looking_changes_nothing_and_draws_no_random_number():
    tensor, desk, state = normal(120, 80), Desk(), torch.get_rng_state()
    before, version = tensor.clone(), tensor._version
    for _ in range(3):
        shelf = desk.begin()
        shelf.take("output", tensor)
        shelf.take("slice", tensor[:, :60])
        shelf.take_all(["x"], [tensor], norms=True)
        shelf.scale(torch.tensor(7.0))
        desk.rows()
    assert torch.equal(tensor, before)
    assert tensor._version == version
    assert torch.equal(torch.get_rng_state(), state)


def test_an_output_of_autocast_is_read_as_it_is():
    desk, layer = Desk(), torch.nn.Linear(8, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.ones(4, 8))
        desk.begin().take("x", output)
        found = desk.rows()["x"]
    assert output.dtype is torch.bfloat16
    assert found["mean"] == pytest.approx(output.double().mean().item(), rel=1e-6)


def test_of_what_is_taken_very_often_the_first_are_looked_at():
    desk = Desk()
    for _ in range(2):
        shelf = desk.begin()
        for n in range(AGAIN + 5):
            shelf.take("x", torch.full((3,), float(n)))
        found = desk.rows()["x"]
        assert (found["count"], found["max"]) == (3 * AGAIN, AGAIN - 1)


def test_a_parameter_taken_again_is_replaced():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a", "b"], [torch.ones(3), torch.ones(5)], norms=True)
    shelf.take_all(["a"], [torch.full((4,), 2.0)], norms=True)
    rows = desk.rows()
    assert means(rows) == {"b": 1, "a": 2}
    assert (rows["a"]["count"], rows["a"]["norm"]) == (4, pytest.approx(4))
    assert rows["b"]["norm"] == pytest.approx(np.sqrt(5))


# Before and after a step.


CHANGED = {
    "small": lambda: counted(300),
    "large": lambda: counted(262_656),
    "transposed": lambda: counted(300, 400).T,
    "channels last": lambda: counted(10, 30, 20, 20).to(memory_format=torch.channels_last),
    "a slice": lambda: counted(300, 600)[:, 100:300],
}


@pytest.mark.parametrize("layout", CHANGED)
@pytest.mark.parametrize("record", [0, 1, 7])
def test_a_change_is_taken_at_the_very_elements_seen_before(layout, record):
    found = change_of(CHANGED[layout](), lambda x: x.add_(3), record=record)
    assert (found["min"], found["max"]) == (3, 3)


def test_several_looks_at_one_change_are_at_other_elements():
    desk, tensor, seen = Desk(), counted(50_000), set()
    for _ in range(4):
        shelf = desk.begin()
        shelf.remember(["x"], [tensor], whole=False)
        tensor.mul_(2)
        shelf.change()
        seen.add(desk.rows()["x"]["min"] / float(tensor[1]))
    assert len(seen) == 4


@pytest.mark.parametrize("size", [3, 9000])
def test_a_change_of_doubles_is_not_rounded_away(size):
    found = change_of(torch.ones(size, dtype=torch.float64), lambda x: x.add_(1e-9), whole=True)
    assert found["min"] == pytest.approx(1e-9, rel=1e-6, abs=0)
    assert found["max"] == pytest.approx(1e-9, rel=1e-6, abs=0)
    assert found["norm"] == pytest.approx(1e-9 * np.sqrt(size), rel=1e-6, abs=0)


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
@pytest.mark.parametrize("size", [3, 9000])
def test_a_change_of_any_float_is_exact(dtype, size):
    found = change_of(
        torch.full((size,), 1.0).to(dtype), lambda x: x.copy_(torch.full((size,), 1.25)), whole=True
    )
    assert (found["min"], found["max"]) == (0.25, 0.25)
    assert found["norm"] == pytest.approx(0.25 * np.sqrt(size), rel=1e-6)


def test_the_norm_of_a_change_is_of_all_elements_if_that_is_asked_for():
    step = normal(300, 300)
    known = change_of(torch.zeros(300, 300), lambda x: x.add_(step), whole=True)
    unknown = change_of(torch.zeros(300, 300), lambda x: x.add_(step), whole=False)
    assert known["norm"] == pytest.approx(float(step.double().norm()), rel=1e-5)
    assert np.isnan(unknown["norm"])
    assert known["mean"] == unknown["mean"]


def test_a_change_is_told_once():
    desk = Desk()
    shelf, tensor = desk.begin(), torch.ones(3)
    shelf.remember(["x"], [tensor], whole=True)
    tensor += 1
    shelf.change()
    tensor += 1
    shelf.change()
    assert means(desk.rows()) == {"x": 1}


def test_a_change_never_asked_for_is_forgotten():
    desk, tensor = Desk(), torch.ones(3)
    desk.begin().remember(["x"], [tensor], whole=True)
    tensor += 1
    desk.begin().change()
    assert desk.reduce() is None


def test_two_optimizers_share_a_series():
    desk = Desk()
    for record in range(3):
        shelf = desk.begin()
        for n, name in enumerate("ab"):
            tensor = torch.zeros(9000)
            shelf.remember([name], [tensor], whole=record == 2)
            tensor += n + 1
            shelf.change()
        rows = desk.rows()
        assert means(rows) == {"a": 1, "b": 2}
        assert np.isnan(rows["b"]["norm"]) == (record != 2)
    assert rows["b"]["norm"] == pytest.approx(2 * np.sqrt(9000))


# The loss scale.


@pytest.mark.parametrize("device", DEVICES)
def test_a_scale_is_taken_out_of_samples_and_norms(device):
    tensors = [torch.full((size,), 512.0, device=device) for size in (4, 9000)]
    desk = Desk(device=device)
    for _ in range(3):
        shelf = desk.begin()
        shelf.take_all(["a", "b"], tensors, norms=True)
        shelf.scale(torch.tensor(256.0, device=device))
        rows = desk.rows()
        assert means(rows) == {"a": 2, "b": 2}
        assert rows["a"]["norm"] == pytest.approx(4)
        assert rows["b"]["norm"] == pytest.approx(2 * np.sqrt(9000))


def test_a_scale_never_divides_twice():
    desk = Desk()
    for _ in range(2):
        shelf = desk.begin()
        shelf.take_all(["a"], [torch.full((4,), 8.0)], norms=True)
        shelf.scale(torch.tensor(4.0))
        shelf.scale(torch.tensor(4.0))
        shelf.take_all(["b"], [torch.full((4,), 8.0)], norms=True)
        shelf.scale(torch.tensor(2.0))
        rows = desk.rows()
        assert means(rows) == {"a": 2, "b": 4}
        assert [row["norm"] for row in rows.values()] == [4, 8]


def test_what_was_replaced_before_it_was_scaled_is_divided_once():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a"], [torch.full((4,), 80.0)], norms=True)
    shelf.take_all(["a"], [torch.full((4,), 8.0)], norms=True)
    shelf.scale(torch.tensor(4.0))
    found = desk.rows()["a"]
    assert (found["mean"], found["norm"]) == (2, 4)


def test_each_look_under_one_name_is_divided_by_its_own_scale():
    desk = Desk()
    shelf = desk.begin()
    for scale in (2.0, 4.0):
        shelf.take("x", torch.full((4,), 8.0))
        shelf.scale(torch.tensor(scale))
    found = desk.rows()["x"]
    assert [found[name] for name in ("count", "min", "max")] == [8, 2, 4]


def test_a_scale_with_nothing_taken_is_nothing():
    desk = Desk()
    shelf = desk.begin()
    shelf.scale(torch.tensor(2.0))
    shelf.take("x", torch.ones(3))
    assert means(desk.rows()) == {"x": 1}
