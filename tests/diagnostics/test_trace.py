import numpy as np
import pytest

from diagnostics.lanczos import leading
from diagnostics.trace import Stop, hutch_plus_plus, sketch, trace
from tests.diagnostics.bowl import Bowl, rotated

OUTLIERS = np.concatenate([[10, 7, 5, 3, -2], np.random.default_rng(0).uniform(0, 0.5, 195)])


@pytest.mark.parametrize("deflated", [False, True])
def test_trace_lies_within_its_error(deflated):
    hessian = rotated(OUTLIERS)
    bowl = Bowl(hessian)
    apply = bowl.hessian_at(None)
    known = leading(bowl, apply, 5) if deflated else None
    found = [trace(bowl, apply, known, Stop(seed=seed)) for seed in range(200)]
    off = np.abs([estimate.value - hessian.trace() for estimate in found])
    inside = np.mean(off < 1.96 * np.array([estimate.error for estimate in found]))
    assert 0.88 < inside <= 0.995  # stopping as soon as the error is small costs a little
    assert all(estimate.converged for estimate in found)


def test_knowing_the_leading_ones_saves_most_probes():
    bowl = Bowl(rotated(OUTLIERS))
    apply = bowl.hessian_at(None)
    plain, deflated, sketched = (
        trace(bowl, apply, known, Stop(0.02)).products
        for known in (None, leading(bowl, apply, 5), sketch(bowl, apply, 8))
    )
    assert deflated < plain / 4
    assert sketched < plain / 2


def test_the_errors_of_hutchinson_are_the_formulas():
    """Variance 2(|A|² - Σ aᵢᵢ²) for random signs."""
    hessian = rotated(np.linspace(-1, 3, 40))
    bowl = Bowl(hessian)
    found = trace(bowl, bowl.hessian_at(None), None, Stop(0.0, 4000))
    exact = 2 * ((hessian**2).sum() - (np.diag(hessian) ** 2).sum())
    assert found.error**2 * 4000 == pytest.approx(exact, rel=0.1)
    assert not found.converged


def test_a_diagonal_has_its_trace_at_once():
    bowl = Bowl(np.diag([1.0, 2, 3]))
    found = trace(bowl, bowl.hessian_at(None))
    assert found.value == pytest.approx(6)
    assert found.probes == 10


def test_a_trace_of_nothing_does_not_pretend():
    bowl = Bowl(rotated(np.repeat([1.0, -1.0], 20)))
    found = trace(bowl, bowl.hessian_at(None), None, Stop(most=50))
    assert not found.converged
    assert abs(found.value) < 4 * found.error


def test_a_sketch_of_full_rank_knows_all():
    bowl = Bowl(rotated([4.0, 3, 2]))
    found = sketch(bowl, bowl.hessian_at(None), 3)
    assert found.values.sum() == pytest.approx(9)


def test_hutch_plus_plus_spends_what_it_may_and_beats_plain_probes():
    hessian = rotated(np.concatenate([np.geomspace(100, 1e-4, 60), np.zeros(140)]))
    bowl = Bowl(hessian)
    stop = Stop(tolerance=0.0, most=90)
    found = hutch_plus_plus(bowl, bowl.hessian_at(None), stop)
    plain = trace(bowl, bowl.hessian_at(None), None, stop)
    assert found.products <= 90
    assert found.error < plain.error / 20
    assert abs(found.value - hessian.trace()) < 4 * found.error + 1e-9


def test_every_probe_and_its_image_can_be_seen():
    bowl, seen = Bowl(np.diag([1.0, 2, 3])), []
    found = trace(bowl, bowl.hessian_at(None), seen=lambda *pair: seen.append(pair))
    assert len(seen) == found.probes
    assert all((image == [1, 2, 3] * probe).all() for probe, image in seen)
