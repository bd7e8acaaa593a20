"""All rows of a series: each once, as the run gives them column by column, ranks and all."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from diagnostics import rows as module
from diagnostics.rows import STATISTICS, Rows, looked_at, rows
from diagnostics.run import FathomError, Run
from tests.dashboard.export.hostile import NAMES, hostile
from tests.trainings import record


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return Run(record(tmp_path_factory.mktemp("rows") / "digits", steps=7))


@pytest.fixture(params=["segment", "archive"])
def run(request, tmp_path, finished):
    """Record-major and tensor-major."""
    return hostile(tmp_path) if request.param == "segment" else finished


def put_together(run, series):
    """The blocks as one table, each place filled exactly once."""
    names = looked_at(run, series)
    shape = (len(run.steps(series)), len(names))
    statistics = np.zeros((*shape, len(STATISTICS)), np.float32)
    bins, times = np.zeros((*shape, 64), np.int64), {}
    seen = np.zeros(shape, int)
    for block in rows(run, series):
        at = np.ix_(
            block.first + np.arange(len(block.steps)), [names.index(n) for n in block.tensors]
        )
        statistics[at], bins[at] = block.statistics, block.histogram
        seen[at] += 1
        times |= dict(zip(block.steps.tolist(), block.times.tolist(), strict=True))
    assert np.all(seen == 1)
    return names, statistics, bins, times


def check(run):
    for series in run.series:
        names, statistics, bins, times = put_together(run, series)
        for n, statistic in enumerate(STATISTICS):
            column = run.column(series, statistic, list(names))
            assert np.array_equal(statistics[:, :, n], column, equal_nan=True)
        for n, name in enumerate(names):
            assert np.array_equal(bins[:, n], run.histogram(series, name))
        assert list(times) == run.steps(series).tolist()


def test_every_row_is_there_once(run):
    check(run)


def test_small_blocks_say_the_same(run, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 6)
    monkeypatch.setattr(module, "BLOCK", 2)
    assert len(list(rows(run, run.series[0]))) > 3
    check(run)


def test_ranks_are_merged(finished, tmp_path, monkeypatch):
    folder = tmp_path / "ranks"
    shutil.copytree(finished.path, folder)
    shutil.copy(folder / "recording.h5", folder / "recording-r0001.h5")
    run = Run(folder)
    check(run)
    doubled = run.column("gradients", "count", list(run.parameters))
    assert np.array_equal(
        doubled, 2 * finished.column("gradients", "count", list(run.parameters)), equal_nan=True
    )
    monkeypatch.setattr(module, "AT_ONCE", 30)
    check(run)


def test_tensors_stand_in_the_order_of_the_forward_pass(tmp_path):
    assert looked_at(hostile(tmp_path), "gradients") == NAMES


def test_a_block_is_cut_into_smaller_ones(tmp_path):
    (block,) = rows(hostile(tmp_path), "gradients")
    parts = list(block.cut(2 * len(NAMES)))
    assert [part.first for part in parts] == [0, 2]
    assert all(isinstance(part, Rows) and len(part.steps) == 2 for part in parts)
    assert np.array_equal(np.concatenate([part.times for part in parts]), block.times)


def test_an_unknown_series_is_named(tmp_path):
    with pytest.raises(FathomError, match="no series 'weights'"):
        rows(hostile(tmp_path), "weights")
