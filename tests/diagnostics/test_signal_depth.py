"""Signals of networks drawn as the theory asks lie in its funnel; of others they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from diagnostics.mean_field import passed_on, scatter
from diagnostics.run import FathomError, Run
from diagnostics.signal_depth import SignalDepth, signal_depth
from diagnostics.store import load, save
from tests.diagnostics.written import layer, tensor, written
from tests.trainings import deep, record

WIDTH = 32


@pytest.fixture(scope="module")
def he(tmp_path_factory: pytest.TempPathFactory) -> SignalDepth:
    model = deep(nn.ReLU, gain=2**0.5)
    return signal_depth(Run(record(tmp_path_factory.mktemp("he") / "run", model, steps=3)))


def beyond(found: SignalDepth) -> Sequence[float]:
    away = np.abs(np.log(found.forward[0] / found.forward_theory))
    return list(away[1:8] / found.forward_sd[1:8])


def test_he_keeps_the_signal_of_rectifiers(he: SignalDepth) -> None:
    assert he.layers == tuple(str(2 * n) for n in range(9))
    assert he.schemes == ("", *["He"] * 8)
    np.testing.assert_allclose(he.forward_theory[1:], he.forward[0, 0], rtol=1e-5)
    expected = np.sqrt(np.arange(8) * scatter("ReLU", WIDTH)) / 2
    np.testing.assert_allclose(he.forward_sd[:8], expected, rtol=1e-6)
    assert max(beyond(he)) < 3


def test_and_their_gradient(he: SignalDepth) -> None:
    assert he.gradient == "outputs"
    inner = he.backward_theory[:8]
    np.testing.assert_allclose(inner, inner[-1], rtol=1e-3)  # equal widths: nothing changes
    np.testing.assert_allclose(inner[-1], he.backward[0, 8] * np.sqrt(3 / WIDTH), rtol=1e-3)
    drawn = inner / np.sqrt(6)  # torch draws the last layer's with 1/3n in place of 2/n
    away = np.abs(np.log(he.backward[0, :8] / drawn)) / he.backward_sd[:8]
    assert away.max() < 3


def test_weights_too_large_leave_the_funnel(tmp_path: Path) -> None:
    found = signal_depth(Run(record(tmp_path / "run", deep(nn.ReLU, gain=4.0), steps=2)))
    assert min(beyond(found)[1:]) > 3
    assert found.forward[0, 7] > 100 * found.forward_theory[7]


def test_tanh_fades_as_mean_field_says(tmp_path: Path) -> None:
    found = signal_depth(Run(record(tmp_path / "run", deep(nn.Tanh, gain=1.0), steps=2)))
    squares = found.forward_theory**2
    expected = [passed_on("Tanh", square) for square in squares[:8]]
    np.testing.assert_allclose(squares[1:], expected, rtol=1e-6)
    assert set(found.schemes) == {"", "Xavier"}
    assert max(beyond(found)) < 3


NORM = tensor("n", "output", "16x8", "LayerNorm")
DROP = tensor("d", "output", "16x8", "Dropout")
POOL = tensor("p", "output", "16x8", "MaxPool2d")


def chain(tmp_path: Path, between: list[object], wires: dict[str, str]) -> SignalDepth:
    """Two layers whose outputs are 5 and 7 large, and what stands between them."""
    tensors = [*layer("a", "8x8"), *between, *layer("b", "8x8")]
    rows = {"a": {"std": 5.0}, "b": {"std": 7.0}}
    modes = {"settings": {"d": {"type": "Dropout", "p": 0.75}}}
    told = [(1, "wiring", wires), (1, "modes", modes)]
    run = written(tmp_path, tensors, {"activations": rows}, events=told)  # type: ignore[arg-type]
    found = signal_depth(run)
    save(run.path, found)
    assert load(run.path, SignalDepth).layers == found.layers == ("a", "b")
    return found


def test_a_normalisation_begins_anew(tmp_path: Path) -> None:
    found = chain(tmp_path, [NORM], {"n": "a", "b": "n"})
    np.testing.assert_allclose(found.forward_theory, [5.0, 1.0])
    assert found.forward_sd[1] == pytest.approx(np.sqrt(scatter("Identity", 8)) / 2)


def test_dropout_raises_the_mean_square(tmp_path: Path) -> None:
    found = chain(tmp_path, [DROP], {"d": "a", "b": "d"})
    np.testing.assert_allclose(found.forward_theory, [5.0, 10.0], rtol=1e-6)


@pytest.mark.parametrize("wires", [{}, {"p": "a", "b": "p"}, {"b": "b"}])
def test_what_is_not_known_has_no_theory(tmp_path: Path, wires: dict[str, str]) -> None:
    found = chain(tmp_path, [POOL], wires)
    np.testing.assert_allclose(found.forward_theory, found.forward[0])
    assert found.forward_sd.tolist() == [0, 0]
    assert found.gradient == ""


def test_says_which_probe_is_missing(tmp_path: Path) -> None:
    run = written(tmp_path, layer("a", "8x8"), {"weights": {"a.weight": {}}})
    with pytest.raises(FathomError, match=r"probes\.Activations\(\)"):
        signal_depth(run)
