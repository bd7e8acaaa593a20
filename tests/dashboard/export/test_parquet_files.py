"""Parquet gives back what was recorded, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.rows import STATISTICS
from tests.dashboard.export.hostile import EVENTS, NAMES, hostile, same, scalars, series
from tests.diagnostics.written import written

parquet = pytest.importorskip("pyarrow.parquet")

from dashboard.export.parquet_files import write_parquet  # noqa: E402  (needs pyarrow)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("parquet")
    write_parquet(hostile(place), place)
    return place


def column(table, name):
    return table[name].to_numpy()


def test_scalars_come_back(folder):
    found, wanted = parquet.read_table(folder / "scalars.parquet"), scalars()
    assert same(column(found, "step"), wanted.steps)
    assert same(column(found, "value"), wanted.values)
    assert same(column(found, "time"), wanted.times)
    assert found["name"].to_pylist() == [NAMES[key] for key in wanted.keys]


def test_statistics_come_back(folder):
    found = parquet.read_table(folder / "statistics.parquet")
    there = np.array(found["series"].to_pylist()) == "gradients"
    for n, name in enumerate(STATISTICS):
        assert column(found, name).dtype == np.float32
        assert same(column(found, name)[there], series().statistics[:, :, n].ravel())
    assert found["tensor"].to_pylist()[: len(NAMES)] == list(NAMES)


def test_events_tensors_and_histograms_come_back(folder):
    events = parquet.read_table(folder / "events.parquet")
    assert events["text"].to_pylist()[0] == EVENTS[0].text
    tensors = parquet.read_table(folder / "tensors.parquet")
    assert tensors["tensor"].to_pylist() == list(NAMES)
    assert tensors["trainable"].to_pylist()[:2] == [True, False]
    bins = parquet.read_table(folder / "histograms.parquet")
    there = np.array(bins["series"].to_pylist()) == "gradients"
    assert same(column(bins, "2^3")[there], series().histogram[1::2, :, 51].ravel())


def test_a_run_of_nothing_has_files_with_columns(tmp_path):
    write_parquet(written(tmp_path), tmp_path)
    assert parquet.read_table(tmp_path / "scalars.parquet").column_names == [
        *("step", "time", "name", "value")
    ]
    assert parquet.read_table(tmp_path / "statistics.parquet").num_rows == 0
