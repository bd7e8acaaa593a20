"""CSV gives back what was recorded, and holds no cell that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from dashboard.export.csv_files import FORMULAS, cell, write_csv
from diagnostics.rows import STATISTICS
from tests.dashboard.export.hostile import EVENTS, NAMES, STEPS, hostile, same, scalars, series
from tests.diagnostics.written import written

NUL = "\ue000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("csv")
    write_csv(hostile(place), place)
    return place


def read(path):
    """As Python's own reader has it, which before 3.11 knows no NUL."""
    with path.open(encoding="utf-8", newline="") as file:
        first, *rows = csv.reader(line.replace("\0", NUL) for line in file)
    assert all(len(row) == len(first) for row in rows)
    columns = zip(*rows, strict=True) if rows else [()] * len(first)
    return {
        name: [each.replace(NUL, "\0") for each in column]
        for name, column in zip(first, columns, strict=True)
    }


def names(cells):
    return [each.removeprefix("'") for each in cells]


def test_scalars_come_back(folder):
    found, wanted = read(folder / "scalars.csv"), scalars()
    assert list(map(int, found["step"])) == wanted.steps.tolist()
    assert same(np.array(found["value"], float), wanted.values)
    assert same(np.array(found["time"], float), wanted.times)
    assert names(found["name"]) == [NAMES[key] for key in wanted.keys]


def test_statistics_come_back_as_32_bit_floats(folder):
    found = read(folder / "statistics.csv")
    there = np.array(found["series"]) == "gradients"
    for n, name in enumerate(STATISTICS):
        values = np.array(found[name], float)[there].astype(np.float32)
        assert same(values, series().statistics[:, :, n].ravel())
    assert names(found["tensor"])[: len(NAMES)] == list(NAMES)
    assert [int(step) for step in found["step"][:: len(NAMES)]] == [*STEPS] * 3
    assert "=odd name" in names(found["series"])


def test_events_and_histograms_come_back(folder):
    assert names(read(folder / "events.csv")["text"])[0] == EVENTS[0].text
    found = read(folder / "histograms.csv")
    first = found["series"].index("gradients")
    assert int(found["2^-48"][first]) == series().histogram[1, 0, 0]
    assert int(found["2^15"][first]) == series().histogram[1, 0, 63]


def test_no_cell_is_a_formula(folder):
    texts = ("series", "tensor", "module", "role", "name", "kind", "text")
    for path in folder.glob("*.csv"):
        columns = read(path)
        for column in set(texts) & set(columns):
            assert not any(each.startswith(FORMULAS[:-1]) for each in columns[column])


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_gives_its_text_back(name):
    line = f"{cell(name)},1\r\n".replace("\0", NUL)
    (row,) = csv.reader(io.StringIO(line, newline=""))
    text = row[0].replace(NUL, "\0")
    assert text.removeprefix("'") == name
    assert text == name or name.startswith(FORMULAS)


def test_a_run_of_nothing_has_files_with_heads(tmp_path):
    write_csv(written(tmp_path), tmp_path)
    assert {path.stem for path in tmp_path.glob("*.csv")} == {
        *("scalars", "statistics", "histograms", "events", "tensors")
    }
    assert (tmp_path / "scalars.csv").read_text() == "step,time,name,value\n"
