from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from probes import batch_numbers
from probes.batch_sample import marks, sample
from probes.batches import AFTERWARDS, FIRST, PASSES, THOROUGH, Batches
from probes.probe import PassProbe, StepProbe
from tests.probes.doubles import FakeMoment, NoWaiting, a_pass, looked

ROOT = Path(__file__).parents[2]


def told(*passes, probe=None):
    """Without the common front of the names."""
    scalars = looked(probe or Batches(), *passes)
    assert all(name.startswith("batches/") for name in scalars)
    return {name.removeprefix("batches/"): value for name, value in scalars.items()}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_it_is_a_probe_of_passes_and_steps():
    assert isinstance(Batches(), PassProbe)
    assert isinstance(Batches(), StepProbe)


def test_a_small_batch_is_looked_at_whole():
    x = random(20, 30) * 3 + 1000
    got, array = told(a_pass(x)), x.numpy().astype(float)
    assert got["size"] == 20
    assert got["passes"] == 1
    assert got["input_mean"] == pytest.approx(array.mean(), rel=1e-12)
    assert got["input_std"] == pytest.approx(array.std(), rel=1e-9)
    assert got["input_rms"] == pytest.approx(np.sqrt((array**2).mean()), rel=1e-12)
    assert got["input_min"] == array.min()
    assert got["input_max"] == array.max()
    assert got["input_nonfinite"] == 0
    stds = array.std(0)
    assert got["column_spread"] == pytest.approx(stds.max() / np.sort(stds)[14], rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8])
def test_other_kinds_of_numbers(dtype):
    x = (random(16, 8).abs() * 50).to(dtype)
    got, array = told(a_pass(x)), x.double().numpy()
    assert got["input_mean"] == pytest.approx(array.mean(), rel=1e-12)
    assert got["input_rms"] == pytest.approx(np.sqrt((array**2).mean()), rel=1e-12)


def test_half_precision_does_not_overflow_in_the_sum():
    got = told(a_pass(torch.full((64, 64), 60000.0, dtype=torch.float16)))
    assert got["input_nonfinite"] == 0
    assert got["input_mean"] == 59999 + 1 - got["input_std"] == 60000


def test_truth_values_are_numbers():
    assert told(a_pass(torch.tensor([[True, False], [True, True]])))["input_mean"] == 0.75


def test_a_large_batch_is_sampled_evenly():
    x = random(4096, 300) * torch.linspace(1, 2, 300)
    got, array = told(a_pass(x)), x.numpy()
    assert got["size"] == 4096
    assert got["input_std"] == pytest.approx(array.std(), rel=0.05)
    assert abs(got["input_mean"]) < 0.05


def test_the_channels_of_images_are_its_columns():
    x = random(6, 3, 5, 4)
    x = x * torch.tensor([1.0, 4.0, 1.0]).view(1, 3, 1, 1)
    stds = x.numpy().std((0, 2, 3))
    assert told(a_pass(x))["column_spread"] == pytest.approx(stds.max() / np.median(stds), rel=1e-6)
    assert told(a_pass(x.to(memory_format=torch.channels_last))) == pytest.approx(told(a_pass(x)))


def test_what_is_not_finite_is_left_out_and_counted():
    x = random(20, 10)
    x[0, 0], x[1, 1], x[2, 2] = math.nan, math.inf, -math.inf
    got, array = told(a_pass(x)), x.numpy()
    rest = array[np.isfinite(array)]
    assert got["input_nonfinite"] == pytest.approx(3 / 200)
    assert got["input_mean"] == pytest.approx(rest.mean(), rel=1e-6)
    assert got["input_std"] == pytest.approx(rest.std(), rel=1e-6)
    assert (got["input_min"], got["input_max"]) == (rest.min(), rest.max())


def test_one_nan_outside_the_sample_is_seen():
    x = random(1000, 1000)
    x[501, 501] = math.nan
    assert not sample(x, 0, 4096, 16384).isnan().any()
    assert told(a_pass(x))["input_nonfinite"] == pytest.approx(1e-6)


def test_without_a_finite_element_there_are_no_moments():
    got = told(a_pass(torch.full((4, 3), math.nan)))
    assert got["input_nonfinite"] == 1
    assert all(math.isnan(got[f"input_{name}"]) for name in ("mean", "std", "rms", "min", "max"))


def test_columns_that_never_vary():
    probe = Batches()
    x = random(8, 10)
    x[:, :4] = 5
    assert told(a_pass(x), probe=probe)["constant_columns"] == 0.4
    x = x.clone()
    x[:, 0] = 6  # constant within each batch, but not over both
    assert told(a_pass(x), probe=probe)["constant_columns"] == 0.3
    assert told(a_pass(random(8, 10)), probe=probe)["constant_columns"] == 0
    assert told(a_pass(torch.ones(8, 10)), probe=probe)["constant_columns"] == 0
    assert told(a_pass(torch.ones(8, 4)), probe=probe)["constant_columns"] == 1  # another input


def test_of_one_row_nothing_is_said_about_columns():
    got = told(a_pass(random(1, 10)))
    assert math.isnan(got["constant_columns"])
    assert math.isnan(got["column_spread"])


def test_a_column_of_a_larger_scale_stands_out():
    x = random(64, 20)
    x[:, 7] *= 1000
    assert told(a_pass(x))["column_spread"] == pytest.approx(1000, rel=0.3)


def test_rows_that_come_again():
    probe = Batches()
    x = random(10, 50)
    x[3], x[4] = x[0], x[0]
    first = told(a_pass(x), probe=probe)
    assert first["duplicates"] == 0.2
    assert "repeats" not in first
    y = random(10, 50, seed=1)
    y[:4] = x[5:9]
    assert told(a_pass(y), probe=probe)["repeats"] == 0.4
    for seed in range(2, 5):
        assert told(a_pass(random(10, 50, seed=seed)), probe=probe)["repeats"] == 0
    assert told(a_pass(x), probe=probe)["repeats"] == 0.4  # those that were in the second as well
    assert told(a_pass(x), probe=probe)["repeats"] == 1


@pytest.mark.parametrize(
    "rows",
    [
        torch.eye(200),
        torch.eye(200, dtype=torch.float64),
        torch.eye(200, dtype=torch.bfloat16),
        torch.eye(200, dtype=torch.bool),
        torch.eye(200, dtype=torch.int64),
        torch.arange(200.0).view(200, 1),
        torch.arange(200).view(200, 1).expand(200, 60),
        (torch.arange(200)[:, None] >> torch.arange(8)) & 1,
    ],
)
def test_no_two_different_rows_are_taken_for_one(rows):
    rows = rows[:, :60] if len(rows.unique(dim=0)) > 60 else rows
    distinct = len(np.unique(rows.float().numpy(), axis=0))
    assert told(a_pass(rows))["duplicates"] == pytest.approx(1 - distinct / len(rows))


def test_columns_rows_and_labels_are_compared_now_and_then():
    probe, loss, y = Batches(), nn.CrossEntropyLoss(), torch.tensor([0, 1, 1, 2])
    step = [a_pass(random(4, 4)), a_pass(random(4, 3), y, module=loss, loss=True)]
    found = [told(*step, probe=probe) for _ in range(50)]
    for name in ("duplicates", "column_spread", "label_entropy"):
        looks = [n for n, got in enumerate(found) if name in got]
        assert looks == [*range(FIRST), *range(FIRST, 50, AFTERWARDS * THOROUGH)]
    looks = [n for n, got in enumerate(found) if "input_mean" in got]
    assert looks == [*range(FIRST), *range(FIRST, 50, AFTERWARDS)]


def test_labels_of_a_loss_module():
    loss, scores = nn.CrossEntropyLoss(), random(12, 3)
    probe = Batches()
    y = torch.tensor([0] * 6 + [1] * 3 + [2] * 3)
    got = told(a_pass(random(12, 4)), a_pass(scores, y, module=loss, loss=True), probe=probe)
    p = np.array([0.5, 0.25, 0.25])
    assert got["label_entropy"] == pytest.approx(-(p * np.log(p)).sum() / np.log(3), rel=1e-5)
    assert (got["classes"], got["classes_seen"]) == (3, 3)
    ones = a_pass(scores, target=torch.ones(12, dtype=torch.long), module=loss, loss=True)
    got = told(ones, probe=probe)
    assert got["label_entropy"] == pytest.approx(0, abs=1e-6)
    assert got["classes"] == pytest.approx(1)
    assert got["classes_seen"] == pytest.approx(3)
    new = a_pass(scores, torch.tensor([0, 9, 9, 7, 0]), module=loss, loss=True)
    assert told(new, probe=probe)["classes_seen"] == pytest.approx(5)


def test_labels_given_to_the_model_itself():
    got = told(a_pass(input_ids=torch.zeros(4, 7).long(), labels=torch.tensor([2, 2, 5, 5])))
    assert got["label_entropy"] == pytest.approx(1)
    assert got["size"] == 4


def test_targets_to_be_ignored_are_no_class():
    loss = nn.CrossEntropyLoss()
    got = told(a_pass(random(4, 3), torch.tensor([0, 1, -100, -100]), module=loss, loss=True))
    assert got["label_entropy"] == pytest.approx(1)
    assert got["classes"] == got["classes_seen"] == 2
    got = told(a_pass(random(2, 3), torch.tensor([-100, -100]), module=loss, loss=True))
    assert math.isnan(got["label_entropy"])
    assert got["classes_seen"] == 0


def test_one_class_alone_has_no_entropy_to_compare_with():
    loss = nn.CrossEntropyLoss()
    got = told(a_pass(random(3, 3), torch.tensor([1, 1, 1]), module=loss, loss=True))
    assert math.isnan(got["label_entropy"])


def test_targets_that_are_numbers():
    y = random(30, 2) * 100 + 7
    got = told(a_pass(random(30, 2), y, module=nn.MSELoss(), loss=True))
    assert got["target_mean"] == pytest.approx(y.numpy().mean(), rel=1e-5)
    assert got["target_std"] == pytest.approx(y.numpy().std(), rel=1e-5)
    assert (got["target_min"], got["target_max"]) == (y.min(), y.max())
    assert "label_entropy" not in got


def test_token_ids():
    ids = torch.tensor([[5, 6, 7, 0], [5, 8, 0, 0]])
    got = told(a_pass(ids))
    assert got["unique_ids"] == pytest.approx(5 / 8)
    assert got["commonest_id"] == pytest.approx(3 / 8)
    assert "input_mean" not in got


def test_passes_of_a_step_are_taken_together():
    parts, loss = random(40, 6).split([10, 10, 20]), nn.CrossEntropyLoss()
    labels = (torch.arange(40) % 4).split([10, 10, 20])
    passes = [
        whole
        for x, y in zip(parts, labels, strict=True)
        for whole in (a_pass(x), a_pass(random(len(y), 4), y, module=loss, loss=True))
    ]
    got = told(*passes)
    assert (got["size"], got["passes"]) == (40, 3)
    assert got["input_std"] == pytest.approx(torch.cat(parts).numpy().std(), rel=1e-5)
    assert got["label_entropy"] == pytest.approx(1)
    assert got["classes"] == pytest.approx(4)


def test_the_next_step_starts_anew():
    probe = Batches()
    told(a_pass(torch.ones(3, 2)), probe=probe)
    got = told(a_pass(torch.zeros(5, 2)), probe=probe)
    assert (got["size"], got["input_max"]) == (5, 0)
    assert told(probe=probe) == {}


def test_of_very_many_passes_the_first_are_sampled_and_all_are_counted():
    got = told(*[a_pass(torch.full((2, 3), float(n))) for n in range(PASSES + 5)])
    assert got["size"] == 2 * (PASSES + 5)
    assert got["input_max"] == PASSES - 1


def test_only_calls_of_the_first_module_count():
    other = nn.Identity()
    got = told(a_pass(torch.zeros(3, 2)), a_pass(torch.ones(7, 9), module=other))
    assert (got["size"], got["input_max"]) == (3, 0)


def test_passes_of_another_width_are_left_out():
    got = told(a_pass(torch.zeros(3, 2)), a_pass(torch.ones(3, 5)))
    assert (got["size"], got["input_max"]) == (6, 0)


@dataclass
class Given:
    mask: torch.Tensor
    text: str = "words"


def test_the_input_is_found():
    x = torch.full((3, 2), 7.0)
    mask = torch.zeros(9, 9)
    for whole in (
        a_pass(x),
        a_pass(None, x, mask),
        a_pass(attention_mask=mask, pixel_values=x),
        a_pass({"attention_mask": mask, "pixel_values": x}),
        a_pass([x, mask]),
        a_pass(Given(x)),
        a_pass(labels=torch.zeros(9).long(), anything=x),
    ):
        got = told(whole)
        assert (got["size"], got["input_mean"]) == (3, 7)


def test_nans_beside_the_input_are_seen_and_masks_are_none():
    x, mask = torch.zeros(3, 2), torch.full((3, 3), -math.inf).triu(1)
    assert told(a_pass(x, mask))["others_nan"] == 0
    assert told(a_pass(x, {"deep": [mask, torch.tensor(math.nan)]}))["others_nan"] == 1
    assert "others_nan" not in told(a_pass(x, torch.ones(3).long()))


@pytest.mark.parametrize("value", [None, "text", 3, {"text": ["a"]}, Given(None)])
def test_without_a_tensor_only_the_passes_are_told(value):
    assert told(a_pass(value)) == {"size": 0, "passes": 1}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (torch.zeros(0, 4), 0),
        (torch.zeros(4, 0), 4),
        (torch.zeros(0), 0),
        (torch.zeros(4, 3).to_sparse(), 4),
        (torch.zeros(4, 3, dtype=torch.complex64), 4),
        (torch.zeros(4, 3, device="meta"), 4),
    ],
)
def test_of_what_cannot_be_read_the_size_is_told(value, size):
    assert told(a_pass(value)) == {"size": size, "passes": 1}


def test_a_single_number_is_a_batch_of_one():
    got = told(a_pass(torch.tensor(4.0)))
    assert (got["size"], got["input_mean"], got["input_std"]) == (1, 4, 0)


def test_empty_targets_are_no_targets():
    loss = nn.CrossEntropyLoss()
    assert told(a_pass(torch.zeros(0, 3), torch.zeros(0).long(), module=loss, loss=True)) == {}


def test_nothing_is_changed_and_no_random_number_drawn():
    x, y = random(64, 300).requires_grad_(), torch.randint(0, 4, (64,))
    before, labels, rng = x.detach().clone(), y.clone(), torch.get_rng_state()
    loss = nn.CrossEntropyLoss()
    told(a_pass(x), a_pass(random(64, 4), y, module=loss, loss=True))
    assert torch.equal(x, before)
    assert torch.equal(y, labels)
    assert torch.equal(torch.get_rng_state(), rng)
    assert x.grad is None
    assert x._version == y._version == 0


def test_what_the_training_changes_afterwards_is_not_seen():
    probe, x, y = Batches(), torch.ones(4, 2), torch.tensor([0, 0, 1, 1])
    x = x.double()
    probe.passed(a_pass(x))
    probe.passed(a_pass(x, y, module=nn.NLLLoss(), loss=True))
    x.zero_()
    y.zero_()
    moment = FakeMoment()
    probe.step(moment)
    assert moment.scalars["batches/input_mean"] == 1
    assert moment.scalars["batches/classes"] == 2


def test_rows_have_the_same_fingerprint_in_every_process():
    code = (
        "import torch; from probes.batch_numbers import fingerprints;"
        "print(fingerprints(torch.arange(12.0).view(3, 4) / 7).tolist())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_no_device_is_waited_for(monkeypatch):
    """As on a device: tensors come out, and their values are those that the host would find."""
    loss, x, y = nn.CrossEntropyLoss(), random(32, 10), torch.arange(32) % 5
    x[3, 3], x[4] = math.nan, x[5]
    passes = [
        a_pass(x, x.clone()),
        a_pass(x, y, module=loss, loss=True),
        a_pass(x, x, module=loss, loss=True),
    ]
    here, there = Batches(), Batches()
    on_host = [looked(here, *passes), looked(here, *passes), looked(here, a_pass(y))]
    monkeypatch.setattr(batch_numbers, "_on_host", lambda value: False)
    monkeypatch.setattr(
        FakeMoment, "scalar", lambda self, name, value: self.scalars.update({name: value})
    )
    with NoWaiting():
        on_device = [looked(there, *passes), looked(there, *passes), looked(there, a_pass(y))]
    for a, b in zip(on_host, on_device, strict=True):
        numbers = {name for name, value in b.items() if not isinstance(value, torch.Tensor)}
        assert numbers == {"batches/size", "batches/passes"}
        assert {name: float(value) for name, value in b.items()} == pytest.approx(a, nan_ok=True)
    assert len(on_host[1]) == 22


def test_what_a_validation_is_compared_with_is_kept():
    probe, model = Batches(), nn.Identity()
    assert probe.caller is None
    rows = random(50, 4)
    for part in rows.split(10):
        told(a_pass(part, module=model), a_pass(random(7, 4, seed=1)), probe=probe)
    assert probe.caller == id(model)
    assert probe.met.among(marks(rows, 0)).all()
    assert not probe.met.among(marks(random(7, 4, seed=1), 0)).any()
    count, mean, std, low, high = probe.columns.table().T.numpy()
    array = rows.double().numpy()
    assert count.tolist() == [50] * 4
    for found, expected in zip((mean, std, low, high), ("mean", "std", "min", "max"), strict=True):
        np.testing.assert_allclose(found, getattr(array, expected)(0), rtol=1e-9)


def test_it_is_kept_of_those_records_that_are_looked_at():
    probe, looks = Batches(), 60
    for n in range(looks):
        told(a_pass(torch.full((2, 1), float(n))), probe=probe)
    found = probe.met.among(marks(torch.arange(float(looks))[:, None], 0))
    thorough = [*range(FIRST), *range(FIRST, looks, AFTERWARDS * THOROUGH)]
    assert found.nonzero().flatten().tolist() == thorough
    due = len([*range(FIRST), *range(FIRST, looks, AFTERWARDS)])
    assert probe.columns.table()[0, 0] == 2 * due


def test_without_a_pass_the_caller_is_remembered():
    probe = Batches()
    told(a_pass(random(4, 2)), probe=probe)
    caller = probe.caller
    told(probe=probe)
    assert probe.caller == caller is not None


def test_places_of_images_that_never_vary_are_counted():
    x = random(20, 3, 8, 8)
    x[:, :, 2:, :] = 0.5  # three quarters of every picture
    got = told(a_pass(x))
    assert got["constant_places"] == 0.75
    assert got["constant_columns"] == 0  # each channel varies somewhere
    assert "constant_places" not in told(a_pass(random(20, 30)))
