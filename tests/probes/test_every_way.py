"""Fathom under every way of training: real runs against clones taken by a plain loop."""

from __future__ import annotations

import importlib.util
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diagnostics import Run
from probes import FathomError
from probes.recording import Event
from tests.probes.ways import WANTING, Way, ways
from tests.probes.ways.__main__ import page
from tests.probes.ways.eyes import Bare, Recorded, Truth
from tests.probes.ways.truth import COUNTS, EXPECTED_SERIES, MEASURES, faults, numbers


def trained(way: Way, eye: Bare) -> Bare:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        for message in way.ignore:
            warnings.filterwarnings("ignore", message)
        way.train(eye)
    return eye


def outcome(way: Way, path, caplog) -> list[str]:
    """All that is wrong with a way."""
    bare, truth = trained(way, Bare()), trained(way, Truth())
    caplog.clear()
    try:
        watched = trained(way, Recorded(path))
    except FathomError as error:
        return [] if way.says and "*:*" in way.lacks else [f"refused: {error}"]
    said = [record.getMessage() for record in caplog.records if record.name == "fathom"]
    return [
        *(f"the truth's own training differs: {fault}" for fault in unlike(bare, truth, way)),
        *unlike(bare, watched, way),
        *faults(Run(path), truth, way, said),
    ]


def unlike(bare: Bare, other: Bare, way: Way) -> list[str]:
    """In what another training came out differently; a plainer one may round differently."""
    found = [] if other.plain or bare.notes == other.notes else ["notes differ"]
    margin = way.tolerance if other.plain else 0
    if not alike(torch.tensor(bare.losses), torch.tensor(other.losses), margin):
        found.append(f"losses are {other.losses}, not {bare.losses}")
    if bare.final.keys() != other.final.keys():
        return [*found, f"weights are {list(other.final)}, not {list(bare.final)}"]
    return found + [
        f"{name} came out differently"
        for name, value in bare.final.items()
        if isinstance(value, torch.Tensor) and not alike(value, other.final[name], margin)
    ]


def alike(one: torch.Tensor, other: torch.Tensor, margin: float) -> bool:
    if one.is_meta:
        return other.is_meta
    if not one.is_floating_point():
        return torch.equal(one, other)
    return torch.allclose(one.double(), other.double(), margin, margin, equal_nan=True)


def missing(need: str) -> bool:
    return importlib.util.find_spec(need) is None and shutil.which(need) is None


@pytest.mark.parametrize("way", ways(), ids=lambda way: f"{way.family}: {way.name}")
def test_every_way_of_training(tmp_path, caplog, request, way):
    if gone := [need for need in way.needs if missing(need)]:
        pytest.skip(f"needs {', '.join(gone)}")
    if way.name in WANTING:
        request.applymarker(pytest.mark.xfail(reason=WANTING[way.name], strict=True))
    assert outcome(way, tmp_path / "run", caplog) == []


class Told:
    """A run that holds exactly what a truth says; from there a test makes it wrong."""

    def __init__(self, truth: Truth) -> None:
        self.rows = {
            series: {
                step: {name: numbers(tensors) for name, tensors in rows.items()}
                for step, rows in by_step.items()
                if rows
            }
            for series, by_step in truth.series.items()
        }
        self.numbers = dict(truth.scalars)
        self.events: list[Event] = []

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(self.rows)

    @property
    def tensors(self) -> list[str]:
        return sorted({n for rows in self.rows.values() for r in rows.values() for n in r})

    @property
    def scalar_names(self) -> tuple[str, ...]:
        return tuple(self.numbers)

    def scalar(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(values=np.array(self.numbers[name]))

    def steps(self, series: str) -> np.ndarray:
        return np.array(list(self.rows[series]))

    def column(self, series: str, statistic: str, names: list[str]) -> np.ndarray:
        steps = self.rows[series].values()
        return np.array([[rows.get(n, {}).get(statistic, np.nan) for n in names] for rows in steps])


BY_NAME = {way.name: way for way in ways()}


def told(name: str) -> tuple[Told, Truth, Way]:
    truth = trained(BY_NAME[name], Truth())
    return Told(truth), truth, BY_NAME[name]


@pytest.mark.parametrize("name", ["float32", "three micro-batches a step", "LSTM"])
def test_the_truth_is_found_right(name):
    run, truth, way = told(name)
    assert faults(run, truth, way, []) == []


@pytest.mark.parametrize("statistic", [*COUNTS, *MEASURES])
@pytest.mark.parametrize("series", EXPECTED_SERIES)
def test_a_wrong_number_is_found(series, statistic):
    run, truth, way = told("float32")
    row, numbers_ = next(iter(run.rows[series][2].items()))
    numbers_[statistic] += 1 if statistic in COUNTS else 1e-5 * numbers_["norm"]
    (found,) = faults(run, truth, way, [])
    assert found.startswith(f"{series}:{row} at step 2: {statistic} is ")


def test_a_missing_row_is_found():
    run, truth, way = told("float32")
    del run.rows["activations"][3]["1"]
    assert faults(run, truth, way, []) == ["activations:1 at step 3 is missing"]


@pytest.mark.parametrize("series", EXPECTED_SERIES)
def test_a_truth_that_has_not_looked_is_found(series):
    run, truth, way = told("float32")
    del truth.series[series]
    assert faults(run, truth, way, []) == [f"nothing to hold series '{series}' against"]


def test_a_row_too_many_is_found():
    run, truth, way = told("frozen parameters")
    run.rows["gradients"][2]["0.weight"] = run.rows["weights"][2]["0.weight"]
    (found,) = faults(run, truth, way, [])
    assert found == "gradients:0.weight has a row at step 2, and should not"


def test_a_step_too_many_is_found():
    run, truth, way = told("float32")
    run.rows["activations"][6] = run.rows["activations"][5]
    (found,) = faults(run, truth, way, [])
    assert "steps [1, 2, 3, 4, 5, 6]; there were [1, 2, 3, 4, 5]" in found


def test_a_step_too_few_is_found():
    run, truth, way = told("float32")
    del run.rows["weights"][2]
    assert len(faults(run, truth, way, [])) == 4


def test_what_may_be_missing_must_be_said():
    run, truth, way = told("sparse gradients, SGD")
    assert faults(run, truth, way, []) == []
    for rows in run.rows["gradients"].values():
        del rows["0.weight"]
    assert faults(run, truth, way, ["0.weight is sparse"]) == []
    silent = [f"gradients:0.weight at step {step} is missing and not said" for step in (1, 2, 3)]
    assert faults(run, truth, way, []) == silent
    assert faults(run, truth, way, ["a word"]) == [*silent, "unasked, it said: a word"]


def test_what_is_said_without_cause_is_found():
    run, truth, way = told("float32")
    assert faults(run, truth, way, ["a probe failed"]) == ["unasked, it said: a probe failed"]
    run.events.append(Event(2, 0.0, "skipped", "gradients overflowed"))
    assert faults(run, truth, way, []) == ["there was no (2, 'skipped')"]


def test_a_series_or_scalar_that_is_not_there_is_found():
    run, truth, way = told("clip_grad_norm_")
    del run.numbers["gradient_norm/after_clipping"]
    del run.rows["updates"]
    found = faults(run, truth, way, [])
    assert [text.split(" ")[:2] for text in found] == [
        ["no", "series"],
        ["scalar", "gradient_norm/after_clipping"],
    ]


def test_a_skipped_step_must_be_an_event():
    run, truth, way = told("fp16 with GradScaler, SGD, a step overflows")
    assert faults(run, truth, way, []) == ["no event (3, 'skipped')"]
    run.events.append(Event(3, 0.0, "skipped", "gradients overflowed"))
    for rows in run.rows.values():
        del rows[3]
    assert faults(run, truth, way, []) == []


def test_a_training_that_comes_out_differently_is_found():
    way = BY_NAME["float32"]
    one, other = trained(way, Bare()), trained(way, Bare())
    assert unlike(one, other, way) == []
    other.losses[1] += 1e-7
    other.final["0.weight"] = torch.nextafter(other.final["0.weight"], torch.tensor(9.0))
    other.notes[-1] = {"_forward_hooks": 1}
    assert len(unlike(one, other, way)) == 3


def test_names_of_ways_are_their_own():
    assert len(BY_NAME) == len(ways())
    assert not WANTING.keys() - BY_NAME.keys()


def test_the_page_is_what_the_ways_say():
    written = Path(__file__).parents[2] / "docs/every_way_of_training.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "python -m tests.probes.ways > docs/every_way_of_training.md"
    )
