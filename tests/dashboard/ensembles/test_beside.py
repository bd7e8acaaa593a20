"""An ensemble beside the dropout ensemble that compares with it, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.ensembles.beside import (
    Beside,
    Row,
    beside,
    comparable,
    has_likelihoods,
    has_spreads,
    likelihood_traces,
    newest_change,
    row_axis,
    row_names,
    rows_of,
    spread_traces,
    whole,
)
from dashboard.theme import palette
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.mc_dropout import McDropout
from diagnostics.run import Run
from diagnostics.store import save
from diagnostics.uncertainty import Estimate
from tests.dashboard.dropout.ensembles import classes as dropped_classes
from tests.dashboard.dropout.ensembles import values as dropped
from tests.dashboard.ensembles.placed import ABOUT, classes, on_a_line, values
from tests.dashboard.samples import train

COLOURS = palette("light")
ALONE = PlacedEnsemble(values(noise=0.5), None)


def of_the_same(found: McDropout | None = None, **about: Any) -> McDropout:
    return replace(found or dropped(draws=20), about=replace(ABOUT, **about))


def test_the_same_step_data_and_reading_compare() -> None:
    assert comparable(ALONE, of_the_same()) is ALONE.ensemble
    assert comparable(ALONE, of_the_same(key="other")) is None
    assert comparable(ALONE, of_the_same(step=3)) is None
    assert comparable(ALONE, of_the_same(dropped_classes(draws=20))) is None
    lined = on_a_line()
    assert lined.along
    assert comparable(lined, of_the_same(key="there")) is lined.along.ensemble


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(train(tmp_path_factory.mktemp("runs") / "run", steps=3))


def test_the_newest_that_compares_is_found(run: Run) -> None:
    assert beside(run, ALONE) == Beside(ALONE, None)
    assert newest_change(run) == ""
    for key, found in (
        ("step12_none_a", of_the_same(dropped(draws=10))),
        ("step12_none_b", of_the_same(dropped(draws=20))),
        ("step12_none_c", of_the_same(key="other data")),
        ("step3_none_d", of_the_same()),
    ):
        save(run.path, PlacedDropout(found, None), key)
    torn = save(run.path, PlacedDropout(of_the_same(), None), "step12_none_e")
    torn.write_bytes(torn.read_bytes()[:1000])
    assert newest_change(run) == str(torn.stat().st_mtime_ns)
    found = beside(run, ALONE).dropout
    assert found
    assert found.uncertainty.draws == 20


def test_both_are_told_in_the_same_numbers() -> None:
    dropout = of_the_same(dropped(draws=20, examples=8, noise=0.5, targets=np.zeros(8)))
    rows = rows_of(Beside(ALONE, dropout))
    assert [row.name for row in rows] == ["deep ensemble of 4", "dropout ensemble, 20 draws"]
    assert rows[0].spread == ALONE.ensemble.uncertainty.average
    assert rows[1].spread.value == dropout.uncertainty.average.value
    assert rows[0].alone == tuple(ALONE.ensemble.member_log_likelihood)
    assert rows[1].alone == (dropout.plain_log_likelihood,)
    first, second = spread_traces(rows, COLOURS)
    assert first["x"] == [float(rows[0].spread.value)]
    assert second["error_x"]["array"] == [float(rows[1].spread.error)]
    assert has_likelihoods(rows)
    by = {(trace["name"], trace["y"][0]): trace for trace in likelihood_traces(rows, COLOURS)}
    assert len(by["one member", 0]["x"]) == 4
    assert by["dropout off", 1]["x"] == [dropout.plain_log_likelihood]
    assert row_axis(rows)["range"] == [1.5, -0.85]
    assert [each["text"] for each in row_names(rows, "5", COLOURS)] == [row.name for row in rows]


def test_without_noise_there_is_no_likelihood_and_without_dropout_no_row() -> None:
    rows = rows_of(Beside(PlacedEnsemble(values(), None), of_the_same()))
    assert len(rows) == 2
    assert not has_likelihoods(rows)
    assert rows_of(Beside(ALONE, None)) == ()
    assert not has_likelihoods(())


def test_two_members_have_a_spread_without_an_error() -> None:
    rows = rows_of(Beside(PlacedEnsemble(values(2), None), of_the_same()))
    assert spread_traces(rows, COLOURS)[0]["error_x"]["array"] == [0.0]


def test_each_kind_of_result_is_made_whole() -> None:
    both = Beside(ALONE, None)
    assert whole(both) is both
    assert whole(ALONE).placed is ALONE
    assert whole(classes()).placed.along is None


def test_spreads_that_are_not_finite_are_none() -> None:
    lost = Row("one", Estimate(np.array(np.nan), np.array(np.nan)), None, (), "")
    there = replace(lost, spread=Estimate(np.array(1.0), np.array(0.1)))
    assert has_spreads((lost, there))
    assert not has_spreads((lost, lost))
