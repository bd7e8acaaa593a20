"""netCDF opens in xarray with labels, and gives back what was recorded, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.export.columns import EDGES
from diagnostics.rows import STATISTICS
from diagnostics.run import Run
from tests.dashboard.export.hostile import (
    EVENTS,
    NAMES,
    STEPS,
    hostile,
    same,
    scalars,
    series,
    track,
)
from tests.diagnostics.written import written

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

from dashboard.export.netcdf_files import write_netcdf  # noqa: E402  (needs h5netcdf)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("netcdf")
    write_netcdf(hostile(place), place)
    return place


def load(path):
    with xarray.open_dataset(path, engine="h5netcdf") as found:
        return found.load()


def test_a_series_is_labelled(folder):
    found = load(folder / "gradients.nc")
    assert found.statistics.dims == ("record", "tensor", "statistic")
    assert found.tensor.values.tolist() == list(NAMES)
    assert same(found.step.values, np.array(STEPS))
    for n, name in enumerate(STATISTICS):
        assert same(found.statistics.sel(statistic=name).values, series().statistics[:, :, n])
    chosen = found.statistics.sel(tensor="nul\0inside", statistic="norm")
    assert same(chosen.values, series().statistics[:, NAMES.index("nul\0inside"), 10])


def test_facts_are_coordinates(folder):
    statistics = load(folder / "gradients.nc").statistics
    assert statistics.module.values.tolist() == [f"module {name}" for name in NAMES]
    assert statistics.depth.values.tolist() == list(range(len(NAMES)))
    assert same(statistics.time.values, series().times)
    assert {"module_type", "role", "shape", "step"} <= set(statistics.coords)


def test_histograms_have_their_edges(folder):
    found = load(folder / "gradients.nc")
    assert same(found.histogram.values, series().histogram)
    assert same(found.bin_low.values, EDGES[:-1])
    assert same(found.bin_high.values, EDGES[1:])


def test_a_series_name_never_becomes_a_path_or_takes_anothers(folder):
    plain = {"gradients.nc", "scalars.nc", "events.nc", "tensors.nc", "arrays-0.nc"}
    others = {path.name for path in folder.glob("*.nc")} - plain
    assert {load(folder / name).attrs["series"] for name in others} == {"=odd name", "scalars"}
    assert all(name.startswith("series-") for name in others)


def test_scalars_come_back(folder):
    found, wanted = load(folder / "scalars.nc"), scalars()
    assert same(found.step.values, wanted.steps)
    assert same(found.value.values, wanted.values)
    assert same(found.time.values, wanted.times)
    assert found.name.values[found.scalar.values].tolist() == [NAMES[key] for key in wanted.keys]


def test_events_tensors_and_arrays_come_back(folder):
    assert load(folder / "events.nc").text.values[0] == EVENTS[0].text
    assert load(folder / "tensors.nc").tensor.values.tolist() == list(NAMES)
    found = load(folder / "arrays-0.nc")
    assert found["values"].dims == ("record", "axis_1")
    assert same(found["values"].values.astype(bool), track().values)
    assert (found["name"].item(), found.about.item()) == ("=masks", "[unit]")


def test_a_run_of_nothing_opens(tmp_path):
    write_netcdf(written(tmp_path), tmp_path)
    assert load(tmp_path / "scalars.nc").sizes["row"] == 0
    assert load(tmp_path / "tensors.nc").sizes["row"] == 0


def test_a_real_run_reads_as_the_run_does(runs, tmp_path):
    run = Run(runs / "sick")
    write_netcdf(run, tmp_path)
    for name in run.series:
        found = load(tmp_path / f"{name}.nc")
        names = found.tensor.values.tolist()
        norm = found.statistics.sel(statistic="norm").values
        assert np.array_equal(norm, run.column(name, "norm", names), equal_nan=True)
        assert np.array_equal(found.histogram.values[:, 0], run.histogram(name, names[0]))
