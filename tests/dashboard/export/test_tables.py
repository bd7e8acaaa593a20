"""The tables hold every number and name of a recording, and are there when nothing is in them."""

from __future__ import annotations

import numpy as np

from dashboard.export import tables
from dashboard.export.columns import BIN_NAMES
from dashboard.export.tables import TABLES, Words, at, words
from diagnostics.rows import STATISTICS
from tests.dashboard.export.hostile import EVENTS, NAMES, STEPS, hostile, same, scalars, series
from tests.diagnostics.written import written


def whole(table, run):
    """All batches of a table as columns."""
    batches = list(table(run))
    return {name: np.concatenate([told(b[name]) for b in batches]) for name in batches[0]}


def told(column):
    if isinstance(column, Words):
        return np.array([column.words[code] for code in column.codes], object)
    return column


def test_scalars_are_those_that_were_logged(tmp_path):
    found, wanted = whole(TABLES["scalars"], hostile(tmp_path)), scalars()
    assert found["step"].dtype == np.int64
    assert same(found["step"], wanted.steps)
    assert same(found["time"], wanted.times)
    assert same(found["value"], wanted.values)
    assert found["name"].tolist() == [NAMES[key] for key in wanted.keys]


def test_statistics_are_those_that_were_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "AT_ONCE", 50)
    found = whole(TABLES["statistics"], hostile(tmp_path))
    there = found["series"] == "gradients"
    for n, name in enumerate(STATISTICS):
        assert same(found[name][there], series().statistics[:, :, n].ravel())
    assert found["step"][there].tolist() == np.repeat(STEPS, len(NAMES)).tolist()
    assert found["tensor"][there].tolist() == list(NAMES) * len(STEPS)
    assert found["module"][there].tolist() == [f"module {name}" for name in NAMES] * len(STEPS)
    assert found["depth"][there].tolist() == list(range(len(NAMES))) * len(STEPS)
    assert set(found["series"]) == {"gradients", "=odd name", "scalars"}


def test_looks_without_a_histogram_are_left_out(tmp_path):
    found = whole(TABLES["histograms"], hostile(tmp_path))
    there = found["series"] == "gradients"
    counts = np.stack([found[name][there] for name in BIN_NAMES], axis=-1)
    assert same(counts, series().histogram[1::2].reshape(-1, len(BIN_NAMES)))
    assert sorted(set(found["step"][there].tolist())) == [STEPS[1], STEPS[3]]


def test_events_keep_their_text(tmp_path):
    found = whole(TABLES["events"], hostile(tmp_path))
    assert found["text"][0] == EVENTS[0].text
    assert found["text"][1] == "\\ud800 half a letter"  # no encoding knows it
    assert found["step"].tolist() == [event.step for event in EVENTS]
    assert found["kind"].tolist() == [event.kind for event in EVENTS]


def test_tensors_are_described(tmp_path):
    found = whole(TABLES["tensors"], hostile(tmp_path))
    assert found["tensor"].tolist() == list(NAMES)
    assert set(found["elements"].tolist()) == {6}
    assert found["trainable"].tolist() == [n % 2 == 0 for n in range(len(NAMES))]


def test_empty_tables_have_their_columns(tmp_path):
    run, full = written(tmp_path), hostile(tmp_path / "full")
    for table in TABLES.values():
        found = whole(table, run)
        assert list(found) == list(next(table(full)))
        assert all(len(column) == 0 for column in found.values())


def test_words_come_once():
    column = words(["b", "a", "b"])
    assert column.words == ("b", "a")
    assert told(at(column, np.array([2, 1, 0]))).tolist() == ["b", "a", "b"]
