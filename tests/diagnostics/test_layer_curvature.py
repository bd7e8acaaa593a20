import numpy as np
import pytest
import torch

from diagnostics.curvature import Effort, curvature
from diagnostics.lanczos import leading
from diagnostics.layer_curvature import block, layers_of
from tests.diagnostics.dense import dense, digits

torch.set_num_threads(1)


def parts_of(subject):
    """Each layer's places in the vector."""
    return [
        np.concatenate([np.arange(p.start, p.stop) for p in pieces])
        for pieces in layers_of(subject).values()
    ]


def test_a_layer_alone_is_its_block():
    subject, made = digits("none")
    hessian, apply = dense(subject, *made), subject.hessian_at(subject.centre)
    for pieces, places in zip(layers_of(subject).values(), parts_of(subject), strict=True):
        values = np.linalg.eigvalsh(hessian[np.ix_(places, places)])[::-1]
        found = leading(subject, block(apply, pieces), 2)
        assert found.values == pytest.approx(values[:2], rel=1e-6)


def test_layers_agree_with_the_dense_hessian():
    subject, made = digits("layer")
    hessian = dense(subject, *made)
    layers = curvature(subject, Effort(most=3000, tolerance=0.02, by_layer=60)).layers
    _, frame = np.linalg.eigh(hessian)
    assert layers.names == ("0", "1", "3")
    assert layers.weights.tolist() == [108, 24, 52]
    assert layers.share.sum(1) == pytest.approx(1)
    for n, places in enumerate(parts_of(subject)):
        whole = hessian[np.ix_(places, places)]
        assert abs(layers.trace[n] - whole.trace()) < 4 * layers.trace_error[n]
        top = np.linalg.eigvalsh(whole)[-1]
        assert layers.eigenvalue[n] == pytest.approx(top, abs=1e-9 + layers.residual[n])
        assert layers.residual[n] < 1e-3 * top
        assert layers.share[0, n] == pytest.approx((frame[places, -1] ** 2).sum(), abs=1e-5)
    assert layers.trace_error.max() < 0.2 * hessian.trace()


def test_blocks_are_not_asked_by_default():
    subject, _ = digits("none")
    layers = curvature(subject, Effort(most=100)).layers
    assert np.isnan(layers.eigenvalue).all()
    assert np.isfinite(layers.trace).all()
