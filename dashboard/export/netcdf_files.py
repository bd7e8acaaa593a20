"""netCDF: one file a series, so that `xarray.open_dataset` gives [record, tensor, statistic].

Texts are arrays of letters, which hold every letter there is; xarray makes texts of them again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5netcdf
import numpy as np
from numpy.typing import NDArray

from dashboard.export.columns import DERIVED, EDGES, PLACES, derived
from dashboard.export.tables import TABLES, Words, words
from diagnostics.rows import STATISTICS, Rows, looked_at, rows

if TYPE_CHECKING:
    from diagnostics.run import Run

CHUNK = (1024, 16)  # records and tensors of one statistic that lie together
PACKED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
FACTS = "module module_type role shape depth"
TABLES_TOO = ("events", "tensors")
_PLAIN = re.compile(r"[a-z][a-z_]{0,40}")


def write_netcdf(run: Run, folder: Path) -> None:
    """Every series, and the scalars, events and tensors, as a file of its own."""
    for place, series in enumerate(run.series):
        path = folder / f"{_stem(series, place)}.nc"
        with h5netcdf.File(path, "w") as file:
            _write_series(run, series, file)
    with h5netcdf.File(folder / "scalars.nc", "w") as file:
        _write_scalars(run, file)
    for name in TABLES_TOO:
        with h5netcdf.File(folder / f"{name}.nc", "w") as file:
            _write_table(run, name, file)
    tracks = [track for name in run.array_names for track in run.arrays(name)]
    for place, track in enumerate(tracks):
        with h5netcdf.File(folder / f"arrays-{place}.nc", "w") as file:
            _write_track(track, file)


def _stem(series: str, place: int) -> str:
    """A probe's own name; any other may not become a path."""
    plain = _PLAIN.fullmatch(series) and series not in TABLES
    return series if plain else f"series-{place}"


def _write_series(run: Run, series: str, file: h5netcdf.File) -> None:
    names, statistics = looked_at(run, series), (*STATISTICS, *DERIVED)
    steps = run.steps(series)
    file.attrs["series"] = np.bytes_(series.encode())
    lengths = (len(steps), len(names), len(statistics), len(EDGES) - 1)
    file.dimensions = dict(zip(("record", "tensor", "statistic", "bin"), lengths, strict=True))
    _write_texts(file, "tensor", "tensor", names)
    _write_texts(file, "statistic", "statistic", statistics)
    _write_facts(run, file, names)
    edges = {"bin_low": EDGES[:-1], "bin_high": EDGES[1:]}
    for name, values in edges.items():
        file.create_variable(name, ("bin",), data=values)
    step = file.create_variable("step", ("record",), data=steps.astype(np.int64))
    step.attrs["long_name"] = PLACES["step"]
    _write_blocks(run, series, file)


def _write_facts(run: Run, file: h5netcdf.File, names: Sequence[str]) -> None:
    """What tells tensors from each other, along their dimension."""
    known = run.tensors
    for fact in ("module", "module_type", "role", "shape"):
        _write_texts(file, fact, "tensor", [getattr(known[name], fact) for name in names])
    depths = np.array([known[name].depth for name in names], np.int64)
    file.create_variable("depth", ("tensor",), data=depths)


def _write_blocks(run: Run, series: str, file: h5netcdf.File) -> None:
    place = {name: n for n, name in enumerate(looked_at(run, series))}
    sizes = {name: run.tensors[name].size for name in place}
    time = file.create_variable("time", ("record",), "f8", fillvalue=np.nan)
    time.attrs["long_name"] = PLACES["time"]
    statistics = _looks(file, "statistics", "statistic", np.dtype("f4"))
    histogram: Any = None
    for block in rows(run, series):
        if histogram is None:
            histogram = _looks(file, "histogram", "bin", block.histogram.dtype)
        at = np.array([place[name] for name in block.tensors], np.int64)
        order = np.argsort(at)
        where = (slice(block.first, block.first + len(block.steps)), _plain(at[order]))
        elements = np.array([sizes[name] for name in block.tensors], np.int64)
        time[where[0]] = block.times
        statistics[where] = _widened(block, elements)[:, order]
        histogram[where] = block.histogram[:, order]
    statistics.attrs["coordinates"] = f"step time {FACTS}"
    if histogram is not None:
        histogram.attrs["coordinates"] = f"step time {FACTS} bin_low bin_high"


def _looks(file: h5netcdf.File, name: str, last: str, kind: np.dtype[Any]) -> Any:
    """A value for each record, tensor and whatever comes last; nothing where nobody looked."""
    dimensions = ("record", "tensor", last)
    lengths = [len(file.dimensions[each]) for each in dimensions]
    chunks = (*map(min, CHUNK, lengths), 1 if last == "statistic" else lengths[2])
    options = {"chunks": chunks, **PACKED} if all(lengths) else {}
    if kind.kind == "f":
        options["fillvalue"] = kind.type(np.nan)
    return file.create_variable(name, dimensions, kind, **options)


def _widened(block: Rows, elements: NDArray[np.int64]) -> NDArray[np.float32]:
    more = derived(block.statistics, elements)
    found: NDArray[np.float32] = np.concatenate(
        [block.statistics, np.stack([more[name] for name in DERIVED], axis=-1)], axis=-1
    )
    return found


def _plain(places: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Neighbours are written at once."""
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _write_scalars(run: Run, file: h5netcdf.File) -> None:
    """Long form: `name[scalar]` is the name of a row's value."""
    found = [run.scalar(name) for name in run.scalar_names]
    many = [len(each.steps) for each in found]
    file.dimensions = {"row": sum(many), "name": len(found)}
    nothing, no_step = [np.zeros(0)], [np.zeros(0, np.int64)]  # a step is not a float on the way
    columns = {
        "step": np.concatenate(no_step + [each.steps for each in found]),
        "time": np.concatenate(nothing + [each.times for each in found]),
        "value": np.concatenate(nothing + [each.values for each in found]),
        "scalar": np.repeat(np.arange(len(found)), many),
    }
    for name, values in columns.items():
        file.create_variable(name, ("row",), data=values)
    _write_texts(file, "name", "name", run.scalar_names)


def _write_table(run: Run, name: str, file: h5netcdf.File) -> None:
    (batch,) = TABLES[name](run)
    first = next(iter(batch.values()))
    file.dimensions = {"row": len(first.codes if isinstance(first, Words) else first)}
    for column, values in batch.items():
        if isinstance(values, Words):
            _write_texts(file, column, "row", [values.words[code] for code in values.codes])
        else:
            file.create_variable(column, ("row",), data=values.astype(_known(values.dtype)))


def _write_track(track: Any, file: h5netcdf.File) -> None:
    """Arrays of one shape, step by step, of whatever they are said to be."""
    axes = ("record", *(f"axis_{n}" for n in range(1, track.values.ndim)))
    file.dimensions = dict(zip(axes, track.values.shape, strict=True))
    file.create_variable("step", ("record",), data=track.steps.astype(np.int64))
    file.create_variable("time", ("record",), data=track.times.astype(np.float64))
    values = track.values.astype(_known(track.values.dtype))
    file.create_variable("values", axes, data=values, **(PACKED if values.size else {}))
    for name, text in (("name", track.name), ("about", track.about)):
        _write_texts(file, name, "one", [text])


def _known(kind: np.dtype[Any]) -> np.dtype[Any]:
    """netCDF has neither truth values nor floats of 16 bits: they stand in what holds them."""
    held = {"bool": "i1", "float16": "f4"}
    return np.dtype(held.get(kind.name, kind))


def _write_texts(file: h5netcdf.File, name: str, along: str, texts: Sequence[str]) -> None:
    column = words(texts)
    if along not in file.dimensions:
        file.dimensions[along] = len(texts)
    letters = [column.words[code].encode() for code in column.codes]
    width = max([1, *map(len, letters)])
    dimension = f"letters{width}"
    if dimension not in file.dimensions:
        file.dimensions[dimension] = width
    table = np.array(letters, f"S{width}").view("S1").reshape(len(letters), width)
    options = PACKED if table.size else {}
    variable = file.create_variable(name, (along, dimension), data=table, **options)
    variable.attrs["_Encoding"] = "utf-8"
