from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from probes import batch_numbers
from probes.batch_numbers import (
    MET,
    Columns,
    Labels,
    Repeats,
    RowsMet,
    at_least_one,
    duplicates,
    fingerprints,
    scale,
    share_met,
    shares,
)


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_scale_is_numpys():
    x = random(50, 7) * 3 - 2
    got, array = scale("x", x), x.numpy()
    expected = {
        "x_mean": array.mean(), "x_std": array.std(), "x_rms": np.sqrt((array**2).mean()),
        "x_min": array.min(), "x_max": array.max(), "x_nonfinite": 0,
    }  # fmt: skip
    assert got == pytest.approx(expected)


def test_a_large_mean_does_not_drown_the_deviation():
    x = random(1000, 1) + 1e6
    assert scale("x", x)["x_std"] == pytest.approx(x.numpy().std(), rel=1e-3)


def test_a_share_is_at_least_one_element_where_the_whole_says_so():
    assert at_least_one(0.0, torch.tensor([1.0, math.inf]), 50) == 0.02
    assert at_least_one(0.5, torch.tensor([math.nan]), 50) == 0.5
    assert at_least_one(0.0, torch.tensor([1.0]), 50) == 0


def test_constant_columns_are_left_out_of_the_spread():
    x = random(100, 9)
    x[:, :6] = 0.1
    x[:, 8] *= 50
    stds = np.sort(x.numpy().std(0))[-3:]
    assert Columns().look(x)["column_spread"] == pytest.approx(stds[2] / stds[1])


def test_a_column_with_a_nan_is_left_out_of_the_spread():
    x = random(100, 3) * torch.tensor([1.0, 10.0, 3.0])
    x[5, 1] = math.nan
    stds = x.numpy().std(0)
    assert Columns().look(x)["column_spread"] == pytest.approx(stds[2] / stds[0])


def test_a_column_of_nans_never_varies():
    x = random(10, 4)
    x[:, 0] = math.nan
    assert Columns().look(x)["constant_columns"] == 0.25


def test_without_a_column_that_varies_there_is_no_spread():
    assert math.isnan(Columns().look(torch.ones(5, 3))["column_spread"])


def test_the_fingerprint_is_of_every_element_and_of_its_place():
    x = random(1, 40).float()
    rows = torch.cat([x, x, x.flip(1), *(x + 1e-3 * torch.eye(40)[n] for n in range(40))])
    found = fingerprints(rows).tolist()
    assert found[0] == found[1]
    assert len(set(found)) == 42


def test_repeats_count_rows_as_a_plain_search_does():
    generator, repeats, recent = torch.Generator().manual_seed(0), Repeats(), []
    for _ in range(12):
        rows = torch.randint(0, 40, (20,), generator=generator)
        got = repeats.look(rows)
        assert got["duplicates"] == pytest.approx(1 - len(set(rows.tolist())) / 20)
        known = {row for old in recent[-4:] for row in old}
        assert got.get("repeats", 0) == pytest.approx(sum(r in known for r in rows.tolist()) / 20)
        recent.append(rows.tolist())


def test_labels_as_counted_one_by_one():
    generator, labels, met = torch.Generator().manual_seed(0), Labels(), set()
    for top in (3, 50, 7, 100_000):
        batch = torch.randint(0, top, (64,), generator=generator)
        counts = Counter(batch.tolist())
        met |= counts.keys()
        got = labels.look(batch)
        entropy = -sum(n / 64 * math.log(n / 64) for n in counts.values())
        assert got["label_entropy"] == pytest.approx(entropy / math.log(len(met)), rel=1e-5)
        assert (got["classes"], got["classes_seen"]) == (len(counts), len(met))


def test_shares_of_token_ids():
    ids = torch.tensor([7, 7, 7, 1, 2, 50_000])
    assert shares(ids) == pytest.approx({"unique_ids": 4 / 6, "commonest_id": 3 / 6})


def test_rows_met_are_found_as_a_plain_search_finds_them():
    generator, met, known = torch.Generator().manual_seed(0), RowsMet(), []
    assert met.among(torch.arange(3)) is None
    for look in range(12):
        rows = torch.randint(0, 200, (20,), generator=generator)
        met.add(rows)
        again = len([row for row in rows.tolist() if row in known])
        known += rows.tolist()
        others = torch.randint(0, 200, (30,), generator=generator)
        assert met.among(others).tolist() == [row in known for row in others.tolist()]
        extent = met.extent()
        assert extent["known"] == len(set(known))
        assert extent["covered"] == again / 20
        assert met.looks == look + 1


def test_rows_met_are_so_many_at_most():
    met = RowsMet()
    for n in range(5):
        met.add(torch.arange(MET // 3) + n * MET)
    assert met.extent()["known"] == MET
    assert met.among(torch.tensor([0, 4 * MET])).tolist() == [True, False]


def test_duplicates_are_those_beyond_one_of_each():
    assert duplicates(torch.tensor([5, 3, 5, 5])) == 0.5


def chance(share, passes, rows=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return list(torch.rand(passes, rows, generator=generator) < share)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_passes_alike_have_the_share_of_all_their_rows(share, seed):
    passes = chance(share, 8, seed=seed)
    assert share_met(passes) == pytest.approx(torch.stack(passes).double().mean().item())


@pytest.mark.parametrize("covered", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("others", [0.0, 0.01])
def test_of_two_data_sets_the_lesser_share_is_told(covered, others):
    own, held_out = chance(covered, 5), chance(others, 3, seed=1)
    expected = torch.stack(held_out).double().mean().item()
    assert share_met([*own, *held_out]) == pytest.approx(expected)
    assert share_met([*held_out, *own]) == pytest.approx(expected)


def test_a_few_rows_without_a_known_one_are_no_other_data():
    passes = [*chance(0.5, 7), torch.zeros(3, dtype=torch.bool)]
    met = sum(int(each.sum()) for each in passes)
    assert share_met(passes) == pytest.approx(met / 283)


def test_a_single_pass_has_its_share():
    assert share_met([torch.tensor([True, False, False, False])]) == 0.25


def test_on_a_device_shares_are_tensors_of_the_same_value(monkeypatch):
    passes, met = [*chance(0.9, 4), *chance(0.0, 4)], RowsMet()
    met.add(torch.arange(10))
    here = [share_met(passes), *met.extent().values(), duplicates(torch.zeros(4))]
    monkeypatch.setattr(batch_numbers, "_on_host", lambda value: False)
    there = [share_met(passes), *met.extent().values(), duplicates(torch.zeros(4))]
    assert all(isinstance(value, torch.Tensor) and value.ndim == 0 for value in there)
    assert [float(value) for value in there] == pytest.approx(here)
