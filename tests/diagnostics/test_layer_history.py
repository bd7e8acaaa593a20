"""Curves and ridges of one layer against what was recorded; the layer nobody named is the telling
one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from diagnostics.doctor import examine
from diagnostics.layer_history import RIDGES, LayerHistory, Strand, layer_history
from diagnostics.run import FathomError, Run
from diagnostics.store import load, save
from tests.diagnostics.written import layer, tensor, written
from tests.trainings import deep, record

TENSORS = [
    *layer("a", "4x4"),
    tensor("a.bias", "bias", "4"),
    *layer("act", "4x4", "ReLU")[1:],
    *layer("deep.down", "2x2"),
]


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A gradient that vanishes."""
    path = tmp_path_factory.mktemp("h") / "run"
    return Run(record(path, deep(nn.Sigmoid, depth=10), steps=40, rate=0.01))


def strands(found: LayerHistory) -> dict[str, Strand]:
    return {strand.name: strand for strand in found.strands}


def curves(strand: Strand) -> dict[str, Any]:
    return {curve.name: curve.values for curve in strand.curves}


def test_a_layer_of_a_real_recording(sick: Run) -> None:
    found = layer_history(sick, "2")
    assert (found.layer, found.module_type, found.why) == ("2", "Linear", "")
    assert found.shapes == ("weight 32x32", "bias 32")
    told = strands(found)
    assert list(told) == ["gradients", "updates", "weights", "outputs", "gradients of outputs"]
    norm = sick.column("gradients", "norm", ["2.weight"])[:, 0]
    np.testing.assert_allclose(curves(told["gradients"])["weight"], norm / 32, rtol=1e-6)
    std = sick.column("activations", "std", ["2"])[:, 0]
    np.testing.assert_allclose(curves(told["outputs"])["std"], std, rtol=1e-6)
    for name in ("gradients", "weights", "outputs"):  # updates: most are too small to be any
        strand = told[name]
        assert strand.histograms is not None
        assert RIDGES / 2 < len(strand.histograms.steps) <= RIDGES
        assert strand.histograms.steps[[0, -1]].tolist() == strand.steps[[0, -1]].tolist()
        np.testing.assert_allclose(strand.histograms.shares.sum(1), 1, atol=0.01)


def test_ridges_hold_the_sizes_that_weights_have(sick: Run) -> None:
    """Uniform in ±1/√32: half of them lie in the highest octave of that, a quarter below."""
    spread = strands(layer_history(sick, "4"))["weights"].histograms
    assert spread is not None
    octaves = spread.lowest + np.arange(spread.shares.shape[1])
    edge = np.log2(32**-0.5)
    expected = [
        max(0.0, min(edge, octave + 1.0) > octave) * (2 ** min(edge, octave + 1.0) - 2.0**octave)
        for octave in octaves.tolist()
    ]
    np.testing.assert_allclose(spread.shares[0], np.array(expected) * 32**0.5, atol=0.05)
    assert spread.negatives[0] == pytest.approx(0.5, abs=0.08)


def test_nobody_named_a_layer(sick: Run) -> None:
    found = layer_history(sick)
    worst = next(each for each in examine(sick).findings if each.layers)
    assert (found.layer, found.why) == (worst.layers[0], worst.disease)


def test_a_healthy_run_shows_its_first_layer_with_parameters(tmp_path: Path) -> None:
    tensors = [*layer("drop", "4x4", "Dropout")[1:], *TENSORS]
    run = written(tmp_path, tensors, {"weights": {"a.weight": {}}})
    assert (layer_history(run).layer, layer_history(run).why) == ("a", "")


def test_every_curve_by_its_definition(tmp_path: Path) -> None:
    size = {"mean": 3.0, "std": 4.0}
    series = {
        "gradients": {"a.weight": {"norm": [2.0, np.nan]}, "a.bias": {"norm": 4.0}},
        "weights": {"a.weight": size, "a.bias": {"mean": 0.0, "std": 0.0}},
        "updates": {"a.weight": {"mean": 0.0, "std": 0.5}, "a.bias": {}},
        "activations": {"a": {"mean": -2.0, "std": 1.0, "posinf": [0.0, 1.0]}},
    }
    told = strands(layer_history(written(tmp_path, TENSORS, series, steps=(1, 2)), "a"))
    assert curves(told["gradients"])["weight"].tolist() == [0.5, np.inf]
    assert curves(told["gradients"])["bias"].tolist() == [2.0, 2.0]
    assert curves(told["weights"])["weight"].tolist() == [5.0, 5.0]
    np.testing.assert_allclose(curves(told["updates"])["weight"], 0.1)
    assert np.isnan(curves(told["updates"])["bias"]).all()
    assert curves(told["outputs"])["std"].tolist() == [1.0, np.inf]
    assert curves(told["outputs"])["|mean|"].tolist() == [2.0, np.inf]
    assert told["weights"].histograms is None  # none was recorded


def test_zeros_are_in_no_bin_but_make_the_ridge_smaller(tmp_path: Path) -> None:
    bins = np.zeros((2, 64))
    bins[:, 0], bins[:, 48] = 30, [70, 0]  # zeros; sizes from 1 to 2
    bins[1, 0] = 100
    outputs = {"zeros": [30.0, 100.0], "histogram": bins, "negatives": 0.0}
    run = written(tmp_path, TENSORS, {"activations": {"act": outputs}}, steps=(1, 2))
    told = strands(layer_history(run, "act"))
    spread = told["outputs"].histograms
    assert spread is not None
    assert spread.steps.tolist() == [1]  # where all is zero there is no ridge
    assert spread.shares[0, 48] == pytest.approx(0.7)
    assert spread.shares.sum() == pytest.approx(0.7)
    assert spread.zeros[0] == pytest.approx(0.3)
    np.testing.assert_allclose(curves(told["shares of outputs"])["zero"], [0.3, 1.0])


def test_dead_units_hold_from_one_count_to_the_next(tmp_path: Path) -> None:
    fired = np.zeros((2, 4, 2))
    fired[0, :, 0] = [1, 1, 0, 5]
    arrays = {"firing/act": ("counts", [2, 4], fired)}
    series = {"activations": {"act": {"zeros": 10.0}}}
    run = written(tmp_path, TENSORS, series, steps=range(1, 6), arrays=arrays)
    dead = curves(strands(layer_history(run, "act"))["shares of outputs"])["dead units"]
    assert dead.tolist() == [0, 0.25, 0.25, 1, 1]


def test_a_tensor_stands_for_its_layer(sick: Run) -> None:
    assert layer_history(sick, "6.weight").layer == "6"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("deep", r"no layer 'deep' .*inside it are: deep\.down"),
        ("deep.dwn", r"nearest are: deep\.down"),
        ("<b>%{x}", r"no layer '<b>%\{x\}'.*a, act, deep\.down.*choose one"),
    ],
)
def test_an_unknown_layer_is_told_its_neighbours(tmp_path: Path, asked: str, told: str) -> None:
    run = written(tmp_path, TENSORS, {"weights": {"a.weight": {}}})
    with pytest.raises(FathomError, match=told):
        layer_history(run, asked)


def test_a_run_without_layers_says_so(tmp_path: Path) -> None:
    with pytest.raises(FathomError, match="no layer was recorded"):
        layer_history(written(tmp_path))


def test_a_layer_that_was_never_looked_at_says_so(tmp_path: Path) -> None:
    run = written(tmp_path, TENSORS, {"weights": {"a.weight": {}}})
    with pytest.raises(FathomError, match=r"nothing was seen of layer 'deep\.down'.*weights"):
        layer_history(run, "deep.down")


def test_it_round_trips(sick: Run) -> None:
    found = layer_history(sick, "0")
    save(sick.path, found)
    kept = load(sick.path, LayerHistory)
    assert strands(kept).keys() == strands(found).keys()
    one, other = (strands(each)["weights"].histograms for each in (kept, found))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.shares, other.shares)
