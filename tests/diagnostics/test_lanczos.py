from itertools import islice

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh

from diagnostics.lanczos import Basis, Chain, inner, leading, quadrature, signs, spreads
from diagnostics.weight_space import Piece
from tests.diagnostics.bowl import Bowl, rotated

RANDOM = np.random.default_rng(0)
SPECTRA = {
    "bulk and outliers": np.concatenate([[10, 7, 5, 3, -2], RANDOM.uniform(0, 0.5, 195)]),
    "double at the top": np.concatenate([[9, 9, 5, 2], RANDOM.uniform(-0.5, 0.5, 96)]),
    "triple in the middle": np.concatenate([[9, 4, 4, 4, 2], RANDOM.uniform(0, 0.5, 95)]),
    "rank three": np.concatenate([[5, 2, 1], np.zeros(97)]),
    "all equal": np.full(30, 3.0),
    "negative": -np.arange(1.0, 61),
    "nothing": np.zeros(20),
    "two weights": np.array([1.0, -1.0]),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_leading_eigenvalues_are_all_there_and_no_others(name):
    values = np.sort(SPECTRA[name])[::-1]
    bowl = Bowl(rotated(values))
    found = leading(bowl, bowl.hessian_at(None), 5, tolerance=1e-6)
    assert found.complete
    assert found.values == pytest.approx(values[: len(found.values)], abs=1e-7)
    assert len(found.values) == min(5, len(values))
    frame = np.array(found.vectors)
    assert frame @ frame.T == pytest.approx(np.eye(len(frame)), abs=1e-8)


@pytest.mark.parametrize("name", SPECTRA)
def test_residuals_are_true_and_bound_the_error(name):
    hessian = rotated(SPECTRA[name])
    bowl = Bowl(hessian)
    found = leading(bowl, bowl.hessian_at(None), 5, tolerance=1e-2)
    for value, residual, vector in zip(found.values, found.residuals, found.vectors, strict=True):
        assert np.linalg.norm(hessian @ vector - value * vector) == pytest.approx(
            residual, abs=1e-12
        )
        assert np.abs(SPECTRA[name] - value).min() <= residual + 1e-12


def test_no_more_products_than_scipy_and_the_look_for_more():
    values = SPECTRA["bulk and outliers"]
    hessian, used = rotated(values), [0]

    def counted(vector):
        used[0] += 1
        return hessian @ vector

    theirs = eigsh(LinearOperator((200, 200), matvec=counted, dtype=float), 5, which="LA")[0]
    scipy_used, used[0] = used[0], 0
    found = leading(Bowl(hessian), counted, 5, tolerance=1e-6)
    assert np.sort(theirs)[::-1] == pytest.approx(found.values, rel=1e-7)  # residual² / gap
    assert used[0] == found.products <= scipy_used + 5 + 10


def test_single_precision_is_enough():
    values = SPECTRA["bulk and outliers"]
    bowl = Single(values)
    found = leading(bowl, bowl.apply, 5)
    assert found.values == pytest.approx(np.sort(values)[::-1][:5], abs=1e-5 * 10)
    assert found.complete


def test_a_limit_on_products_is_kept_and_told():
    bowl = Bowl(rotated(np.linspace(0, 1, 300)))
    found = leading(bowl, bowl.hessian_at(None), 5, tolerance=1e-12, most=12)
    assert not found.complete
    assert found.residuals.max() > 1e-6


@pytest.mark.parametrize("name", SPECTRA)
def test_density_has_the_moments_of_its_probes(name):
    """Exact per probe, to order 2 · steps - 1: no averaging in it."""
    hessian = rotated(SPECTRA[name])
    bowl = Bowl(hessian)
    steps = min(6, len(hessian))
    nodes, weights = quadrature(bowl, bowl.hessian_at(None), probes=3, steps=steps, seed=5)
    assert weights.sum(1) == pytest.approx(1)
    for node, weight, probe in zip(nodes, weights, islice(signs(bowl, 5), 3), strict=True):
        image = probe
        for order in range(2 * steps):
            exact = probe @ image / (probe @ probe)
            scale = np.abs(SPECTRA[name]).max() ** order
            assert weight @ node**order == pytest.approx(exact, abs=1e-9 * max(scale, 1e-300))
            image = hessian @ image


def test_density_is_near_the_true_spectrum():
    values = np.sort(SPECTRA["bulk and outliers"])
    bowl = Bowl(rotated(values))
    nodes, weights = quadrature(bowl, bowl.hessian_at(None), probes=50, steps=40)
    places = np.linspace(-3, 11, 5000)
    ours = np.array([(weights * (nodes <= place)).sum() / 50 for place in places])
    truth = np.searchsorted(values, places, "right") / len(values)
    distance = np.abs(ours - truth).mean() * 14  # Wasserstein's
    assert distance < 3e-3 * 10


def test_many_steps_make_ghosts_and_leave_the_density_right():
    values = np.concatenate([[1000.0, 500], np.linspace(0, 1, 58)])
    bowl = Bowl(rotated(values))
    nodes, weights = quadrature(bowl, bowl.hessian_at(None), probes=50, steps=60)
    assert (nodes > 999).sum(1).max() > 1  # copies of one eigenvalue
    share = (weights * (nodes > 750)).sum(1)
    assert abs(share.mean() - 1 / 60) < 4 * share.std() / 50**0.5


def test_a_whole_krylov_space_gives_the_spectrum_itself():
    values = np.array([1.0, 2, 3, 5, 8])
    bowl = Bowl(rotated(values))
    nodes, _ = quadrature(bowl, bowl.hessian_at(None), probes=2, steps=40)
    assert nodes == pytest.approx(np.tile(values, (2, 1)))


def test_a_basis_grows_and_stays_orthonormal():
    bowl, random = Bowl(np.eye(100)), np.random.default_rng(0)
    basis = Basis(bowl)
    for _ in range(100):
        basis.add(basis.unit_beside(random.standard_normal(100)))
    assert basis.rows @ basis.rows.T == pytest.approx(np.eye(100), abs=1e-12)
    assert not basis.unit_beside(random.standard_normal(100)).any()
    mix = random.standard_normal(7)
    (lifted,) = basis.lift(mix[None], since=3)
    assert lifted == pytest.approx(mix @ basis.rows[3:10] / np.linalg.norm(mix))


@pytest.mark.parametrize("most", [1, 2, 3, 8, 15, 40])
def test_products_never_exceed_what_is_allowed(most):
    bowl = Bowl(rotated(np.linspace(0, 1, 300)))
    used = []
    found = leading(bowl, lambda v: used.append(1) or bowl.hessian @ v, 5, most=most)
    assert found.products == len(used) <= max(most, 2)
    assert np.isfinite(found.values).all()


REPEATED = {
    "double": [9, 9, 5, 2, 1.5, *np.linspace(-0.5, 0.5, 95)],
    "sixfold": [9] * 6 + [2, *np.linspace(-0.5, 0.5, 95)],
    "clustered": [9, 9 - 1e-5, 9 - 2e-5, 5, 5 - 1e-5, *np.linspace(-0.5, 0.5, 95)],
}


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
@pytest.mark.parametrize("name", REPEATED)
def test_a_second_look_that_was_cut_short_vouches_for_nothing(name, tolerance):
    values = np.array(REPEATED[name])
    bowl, vouched = Bowl(rotated(values)), 0
    for most in range(6, 120):
        found = leading(bowl, bowl.hessian_at(None), 5, tolerance=tolerance, most=most)
        if found.complete:
            vouched += 1
            off = np.abs(found.values - np.sort(values)[::-1][:5])
            assert off.max() <= found.residuals.max() + 1e-9
    assert vouched


class Single(Bowl):
    """A bowl of torch's single precision."""

    def __init__(self, values):
        frame = np.linalg.qr(RANDOM.standard_normal((len(values),) * 2))[0]
        super().__init__((frame * values) @ frame.T)
        self.single = torch.tensor(self.hessian, dtype=torch.float32)

    def vector(self, array):
        return torch.as_tensor(array, dtype=torch.float32)

    def rows(self, count):
        return torch.full((count, len(self.centre)), torch.nan)

    def apply(self, vector):
        return self.single @ vector


HARD = {
    "one dominates": [1e4, 5, 4, 3, 2.5, *np.linspace(-1, 2, 1995)],
    "a cluster follows": [1e4, *(5 + np.arange(5) * 1e-2), *np.linspace(-1, 2, 1994)],
    "most are negative": [300, 200, 100, 50, 30, *-np.geomspace(1e-3, 1e4, 1995)],
}


@pytest.mark.parametrize("name", HARD)
def test_three_hundred_steps_in_single_precision_lose_no_orthogonality(name):
    bowl = Single(np.array(HARD[name]))
    basis = Basis(bowl)
    chain = Chain(bowl, bowl.apply, basis, 0)
    for _ in range(300):
        chain.step()
    off = (basis.rows @ basis.rows.T - torch.eye(301)).abs().max()
    assert float(off) < 1e-5  # sqrt(eps) is 3e-4
    values = chain.ritz()[0][::-1]
    exact = np.sort(HARD[name])[::-1]
    error = 1e-6 * np.abs(exact).max()  # of the products themselves
    assert values[:5] == pytest.approx(exact[:5], rel=1e-4, abs=error)
    assert (values > exact[5] + error).sum() <= 5  # no ghosts


@pytest.mark.parametrize("name", HARD)
def test_the_leading_of_a_hard_spectrum_in_single_precision(name):
    bowl = Single(np.array(HARD[name]))
    found = leading(bowl, bowl.apply, 5, tolerance=1e-6)
    exact = np.sort(HARD[name])[::-1]
    assert found.complete
    assert found.values == pytest.approx(exact[:5], rel=1e-4, abs=1e-6 * np.abs(exact).max())
    frame = torch.stack(found.vectors)
    assert float((frame @ frame.T - torch.eye(5)).abs().max()) < 3.5e-4


def test_inner_products_of_a_million_are_right_in_single_precision():
    """One call of a BLAS was seen to be off by 2e-3 here."""
    rows, vector = torch.ones(3, 1_000_003), torch.full((1_000_003,), 0.1)
    assert inner(rows, vector).tolist() == pytest.approx([100_000.3] * 3, rel=1e-4)


def test_a_matrix_extends_a_basis_by_what_is_new_in_it():
    bowl, random = Bowl(np.eye(60)), np.random.default_rng(0)
    basis = Basis(bowl)
    span = random.standard_normal((20, 60)) * np.geomspace(1, 1e-7, 20)[:, None]
    for _ in range(3):  # the last eight have nothing new
        basis.extend(random.standard_normal((8, 20)) @ span)
    kept = basis.rows[(basis.rows != 0).any(1)]
    assert len(kept) == 20
    assert kept @ kept.T == pytest.approx(np.eye(20), abs=1e-9)
    assert np.linalg.norm(span - (span @ kept.T) @ kept, axis=1).max() < 1e-9


def test_a_basis_that_holds_others_forgets_the_first():
    bowl = Bowl(np.eye(4))
    basis = Basis(bowl, [np.eye(4)[0], np.eye(4)[1]])
    basis.hold([np.eye(4)[2]])
    assert basis.rows.tolist() == [[0, 0, 1, 0]]
    assert basis.beside(np.ones(4))[0].tolist() == [1, 1, 0, 1]


def test_random_vectors_have_mean_zero_and_no_pattern():
    bowl = Bowl(np.zeros((1, 1)), pieces=(Piece("w", (100_001,), 0, "weight"),))
    for draws, variance in ((signs, 1.0), (spreads, 1 / 3)):
        first, second = islice(draws(bowl, 3), 2)
        for vector in (first, second):
            assert len(vector) == 100_001
            assert abs(vector.mean()) < 4 * (variance / 1e5) ** 0.5
            assert vector.var() == pytest.approx(variance, rel=0.02)
            assert abs(vector[1:] @ vector[:-1]) < 4 * variance * 1e5**0.5
        assert abs(first @ second) < 4 * variance * 1e5**0.5
        assert (next(draws(bowl, 3)) == first).all()
    assert set(next(signs(bowl, 0))) == {-1.0, 1.0}
