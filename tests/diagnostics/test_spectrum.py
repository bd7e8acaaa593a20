import numpy as np
import pytest

from diagnostics.lanczos import quadrature, signs
from diagnostics.spectrum import negative_mass, signed_shares
from tests.diagnostics.bowl import Bowl, rotated


def test_the_bounds_of_a_share_hold_for_every_probe():
    hessian = rotated(np.concatenate([[5.0, 3], np.random.default_rng(0).normal(0, 0.1, 78)]))
    values, frame = np.linalg.eigh(hessian)
    bowl = Bowl(hessian)
    for seed in range(20):
        nodes, density = quadrature(bowl, bowl.hessian_at(None), probes=1, steps=8, seed=seed)
        probe = next(signs(bowl, seed))
        seen = (frame.T @ probe) ** 2 / 80
        for share, true in zip(
            signed_shares(nodes, density, 5.0), (values < -5e-3, values > 5e-3), strict=True
        ):
            assert share.low <= seen[true].sum() <= share.high


def test_shares_of_a_known_spectrum():
    values = np.array([[4.0, 1, 1e-5, -1e-5, -1]])
    weights = np.full((1, 5), 0.2)
    negative, positive = signed_shares(values, weights, 4.0)
    assert (negative.value, positive.value) == (pytest.approx(0.2), pytest.approx(0.4))
    assert negative.error == np.inf
    share, _ = negative_mass(np.repeat(values, 2, 0), np.repeat(weights, 2, 0))
    assert share == pytest.approx(1.00001 / 6.00002)


def test_the_mass_of_nothing_is_none():
    assert negative_mass(np.zeros((2, 3)), np.full((2, 3), 1 / 3)) == (0, 0)
