import math
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.data_spectra import (
    DataSpectra,
    data_spectra,
    default_widths,
    filtered,
    neighbour_edges,
    principal_direction,
    rough,
    roughness,
    smooth,
)
from diagnostics.learned_function import learned_function, recorded_function
from diagnostics.store import load, save
from probes import Outputs, Recorder
from probes.folder import FathomError
from tests.diagnostics.test_store import assert_same

STEPS = np.arange(0, 200, 4)


def cloud(n=400, features=12, seed=0):
    """Inputs that differ most along a known direction, uniformly over a length of 1."""
    rng = np.random.default_rng(seed)
    way = rng.normal(size=features)
    way /= np.linalg.norm(way)
    along = rng.uniform(-0.5, 0.5, size=n)
    return 0.02 * rng.normal(size=(n, features)) + along[:, None] * way, way, along


def growing(inputs, parts, rates, steps=STEPS):
    """A network that learns each part of its target at a rate of its own."""
    kept = 1 - (1 - np.asarray(rates)) ** steps[:, None]
    values = np.tensordot(kept, np.stack(parts), 1)
    return learned_function(steps, inputs, values, np.sum(parts, 0))


def waves(along, slow, fast):
    parts = [np.sin(2 * np.pi * 2 * along), np.cos(2 * np.pi * 7 * along)]
    return parts, [slow, fast]


@pytest.mark.parametrize(
    ("rates", "verdict"), [((0.2, 0.02), "low first"), ((0.02, 0.2), "high first")]
)
def test_what_is_learnt_first_is_seen_in_all_three_ways(rates, verdict):
    inputs, way, along = cloud()
    parts, rates = waves(along, *rates)
    found = data_spectra(growing(inputs, parts, rates), frequencies=[2, 7], direction=way)
    order = found.along.half.step
    assert found.along.told.all()
    assert np.isnan(found.along.variation).all()
    assert (order[0] < order[1]) == (verdict == "low first")
    assert found.filtered.verdict == verdict
    before, after = found.roughness.values[1], found.roughness.values[-1]
    assert (before < after) == (verdict == "low first")
    assert after == pytest.approx(found.roughness.target, rel=0.05)


def test_without_a_direction_it_is_that_in_which_inputs_differ_most():
    inputs, way, along = cloud()
    found = principal_direction(inputs)
    values = np.linalg.svd(inputs - inputs.mean(0), full_matrices=False)
    assert abs(found @ values[2][0]) == pytest.approx(1)
    assert abs(found @ way) > 0.99
    assert found[np.abs(found).argmax()] > 0
    spectra = data_spectra(growing(inputs, *waves(along, 0.1, 0.1)))
    np.testing.assert_allclose(spectra.direction, found)
    assert spectra.along.axis == "the direction in which inputs differ most"
    share = values[1][0] ** 2 / (values[1] ** 2).sum()
    assert spectra.explained == pytest.approx(share)
    few = inputs[:5]  # fewer examples than features
    expected = np.linalg.svd(few - few.mean(0), full_matrices=False)[2][0]
    assert abs(principal_direction(few) @ expected) == pytest.approx(1)


def test_along_a_direction_the_ratio_is_the_part_learnt():
    """One wave alone: whatever the places, f is a share of y and its ratio is that share."""
    inputs, way, along = cloud()
    learned = growing(inputs, [np.sin(2 * np.pi * 3 * along)], [0.03])
    found = data_spectra(learned, way, frequencies=[3 * np.ptp(inputs @ way)]).along
    np.testing.assert_allclose(found.ratio[:, 0], 1 - 0.97**STEPS, atol=1e-12)


def test_a_direction_that_does_not_matter_tells_of_no_frequency():
    inputs, way, along = cloud(2000)
    other = np.random.default_rng(1).normal(size=len(way))
    other -= other @ way * way
    learned = growing(inputs, *waves(along, 0.2, 0.02))
    found = data_spectra(learned, other).along
    assert found.told.sum() <= 1  # of 20, at e^-9 each
    assert found.verdict == "cannot tell"


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("width", [0.05, 0.1])
def test_a_gaussian_filter_keeps_of_a_wave_what_it_must(k, width):
    """S8: exp(-delta (2 pi k)² / 2), delta = width², where no edge is near."""
    places = np.arange(-3, 3, 0.01)
    wave = np.sin(2 * np.pi * k * places)
    (low,) = smooth(places[:, None], wave, np.array([width]))
    inside = np.abs(places) < 2
    kept = math.exp(-(width**2) * (2 * math.pi * k) ** 2 / 2)
    np.testing.assert_allclose(low[inside], kept * wave[inside], atol=1e-6)


def test_errors_of_the_parts_are_those_of_their_definition():
    """In three dimensions, two outputs, the sums written out."""
    rng = np.random.default_rng(0)
    inputs, wanted = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    values = rng.normal(size=(3, 40, 2))
    found = filtered(learned_function([1, 2, 3], inputs, values, wanted), [0.4, 0.8])
    for w, width in enumerate((0.4, 0.8)):
        weights = np.array(
            [[math.exp(-(((a - b) ** 2).sum()) / (2 * width**2)) for b in inputs] for a in inputs]
        )
        weights /= weights.sum(1, keepdims=True)
        y = wanted - wanted.mean(0)
        low, high = weights @ y, y - weights @ y
        for t in range(3):
            h = values[t] - wanted.mean(0)
            h_low = weights @ h
            off = np.linalg.norm(low - h_low) / np.linalg.norm(low)
            assert found.low[t, w] == pytest.approx(off)
            off = np.linalg.norm(high - (h - h_low)) / np.linalg.norm(high)
            assert found.high[t, w] == pytest.approx(off)
        share = (low**2).sum() / ((low**2).sum() + (high**2).sum())
        assert found.share[w] == pytest.approx(share)


def test_a_network_that_is_right_has_no_error_and_a_constant_one_all():
    inputs, _, along = cloud(100)
    wanted = np.sin(6 * along) + 5
    values = np.stack([np.full(100, wanted.mean()), wanted])
    found = filtered(learned_function([0, 9], inputs, values, wanted))
    np.testing.assert_allclose(found.low, [[1] * 6, [0] * 6], atol=1e-9)
    known = ~np.isnan(found.high[0])
    np.testing.assert_allclose(found.high[:, known], [[1] * known.sum(), [0] * known.sum()])
    assert (found.low_step == 9).all()
    assert found.verdict == "no bias"


def test_a_part_that_the_target_lacks_is_not_judged():
    inputs = np.linspace(0, 1, 200)[:, None]
    smooth_target = inputs[:, 0]
    found = filtered(
        learned_function([0, 1], inputs, np.zeros((2, 200)), smooth_target), [0.001, 0.01]
    )
    assert np.isnan(found.high).all()
    assert np.isnan(found.high_step).all()
    assert np.isinf(found.low_step).all()
    assert found.verdict == "cannot tell"


def test_widths_that_disagree_tell_of_no_order():
    """Slow at first sight, fast below it, slow again beneath: each width splits elsewhere."""
    inputs = np.arange(0, 4, 0.01)[:, None]
    parts = [np.sin(2 * np.pi * k * inputs[:, 0]) for k in (0.5, 2, 8)]
    found = filtered(growing(inputs, parts, [0.02, 0.2, 0.02]), [0.04, 0.2])
    earlier = found.low_step < found.high_step
    assert earlier.tolist() == [True, False]
    assert found.verdict == "cannot tell"
    assert "of 2 widths the low part is half learnt first at 1" in found.why


@pytest.mark.parametrize("k", [1, 3, 10])
def test_waves_on_a_ring_are_as_rough_as_its_laplacian_says(k):
    """S9: 2 - 2 cos(2 pi k / N)."""
    n = 60
    turn = 2 * np.pi * np.arange(n) / n
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    learned = learned_function([1], ring, np.sin(k * turn)[None], np.cos(turn) + 7)
    found = roughness(learned, neighbours=2)
    assert found.values[0] == pytest.approx(2 - 2 * math.cos(2 * math.pi * k / n), abs=1e-8)
    assert found.target == pytest.approx(2 - 2 * math.cos(2 * math.pi / n), abs=1e-8)


def test_roughness_is_that_of_the_laplacian_matrix_and_by_chance_that_of_all_orders():
    rng = np.random.default_rng(0)
    inputs, values = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    edges = neighbour_edges(inputs, 2)
    adjacency = np.zeros((6, 6))
    for a in range(6):
        nearest = np.argsort(((inputs - inputs[a]) ** 2).sum(1))[1:3]
        adjacency[a, nearest] = adjacency[nearest, a] = 1
    laplacian = np.diag(adjacency.sum(1)) - adjacency
    centred = values - values.mean(0)
    expected = np.trace(centred.T @ laplacian @ centred) / (centred**2).sum()
    assert rough(values, edges) == pytest.approx(expected)
    every = [rough(values[list(order)], edges) for order in permutations(range(6))]
    learned = learned_function([1], inputs, values[None], values)
    assert roughness(learned, 2).chance == pytest.approx(np.mean(every))
    assert math.isnan(rough(np.ones((6, 1)), edges))


def test_copies_are_neighbours_and_nobody_is_its_own():
    inputs = np.zeros((9, 2))
    inputs[8] = 1
    edges = neighbour_edges(inputs, 2)
    assert (edges[:, 0] < edges[:, 1]).all()
    assert set(edges.ravel()) == set(range(9))
    with pytest.raises(FathomError, match="9 examples do not have 9 neighbours"):
        neighbour_edges(inputs, 9)


def test_of_many_examples_some_are_drawn_and_it_is_said():
    inputs, _, along = cloud(500)
    learned = growing(inputs, *waves(along, 0.2, 0.02))
    found = data_spectra(learned, most=100, seed=3)
    assert (found.examples, found.population) == (100, 500)
    assert found.filtered.verdict == "low first"
    again = data_spectra(learned, most=100, seed=3)
    np.testing.assert_array_equal(found.filtered.low, again.filtered.low)


def test_widths_go_from_neighbours_to_half_of_the_cloud():
    inputs = np.linspace(0, 1, 101)[:, None]
    widths = default_widths(inputs)
    assert widths[0] == pytest.approx(0.01)
    assert 0.1 < widths[-1] < 0.3
    assert (np.diff(widths) > 0).all()


def test_a_training_that_ends_in_nan_is_told_up_to_there():
    inputs, _, along = cloud(100)
    learned = growing(inputs, *waves(along, 0.2, 0.1))
    learned.values[-5:] = np.nan
    learned.values[-6] = np.inf
    found = data_spectra(learned)
    assert np.isfinite(found.filtered.low[:-6]).all()
    assert np.isfinite(found.filtered.low_step).all()
    assert np.isfinite(found.roughness.values[1:-6]).all()


def test_a_real_network_learns_the_low_part_of_many_features_first(tmp_path):
    """From the recording alone: 12 features, a target of two waves along one direction."""
    inputs, way, along = cloud(300)
    parts, _ = waves(along, 0, 0)
    x = torch.tensor(4 * inputs, dtype=torch.float32)
    y = torch.tensor(sum(parts)[:, None], dtype=torch.float32)
    torch.manual_seed(0)
    model, loss_fn = nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 1)), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with Recorder(
        model, optimizer, tmp_path / "run", probes=[Outputs(x)], every=1, loss=loss_fn, batch=(x, y)
    ):
        for _ in range(400):
            loss_fn(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    found = data_spectra(recorded_function(Run(tmp_path / "run")), way, frequencies=[2, 7])
    order = found.along.half.step
    assert order[0] < order[1]
    assert found.filtered.verdict == "low first"
    assert found.roughness.values[-1] < found.roughness.target < found.roughness.chance
    assert found.run == "run"


def test_what_has_no_frequencies_is_refused():
    inputs, way, along = cloud(50)
    values = np.zeros((1, 50))
    with pytest.raises(FathomError, match="give target="):
        data_spectra(learned_function([1], inputs, values))
    with pytest.raises(FathomError, match="same for all examples"):
        data_spectra(learned_function([1], inputs, values, np.ones(50)))
    with pytest.raises(FathomError, match="differ in no direction"):
        data_spectra(learned_function([1], np.ones((50, 3)), values, along))
    with pytest.raises(FathomError, match="half of the inputs are the same"):
        default_widths(np.ones((50, 3)))
    for direction in (np.ones(3), 0 * way):
        with pytest.raises(FathomError, match="features"):
            data_spectra(learned_function([1], inputs, values, along), direction)


def test_what_is_stored_comes_back(tmp_path):
    inputs, _, along = cloud(60)
    found = data_spectra(growing(inputs, *waves(along, 0.2, 0.02)))
    save(tmp_path, found)
    assert_same(load(tmp_path, DataSpectra), found)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3, 1e5])
def test_a_constant_is_not_rough_however_it_rounds(level):
    edges = neighbour_edges(np.arange(50.0)[:, None], 3)
    assert np.isnan(rough(np.full((50, 1), level), edges))


def test_a_direction_in_which_all_inputs_are_one_has_no_waves():
    x = np.stack([np.arange(20.0), np.zeros(20)], 1)
    learned = learned_function([0], x, np.zeros((1, 20)), np.sin(x[:, 0]))
    with pytest.raises(FathomError, match="a line on which all places are one"):
        data_spectra(learned, np.array([0.0, 1.0]))
