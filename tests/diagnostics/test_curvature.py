import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.curvature import (
    Effort,
    Preconditioner,
    curvature,
    gradient_shares,
    preconditioned,
)
from diagnostics.lanczos import leading, quadrature
from diagnostics.subject import Subject
from diagnostics.weight_space import size
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl, Product, rotated
from tests.diagnostics.dense import dense, digits

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_everything_agrees_with_the_dense_hessian(norm):
    subject, made = digits(norm)
    hessian = dense(subject, *made)
    values = np.linalg.eigvalsh(hessian)[::-1]
    found = curvature(subject, Effort(most=3000))
    assert found.eigenvalues == pytest.approx(values[:5], rel=1e-6)
    assert found.lowest == pytest.approx(values[-1], abs=1e-6 * values[0])
    assert found.complete
    assert found.trace_converged
    assert abs(found.trace - hessian.trace()) < 4 * found.trace_error
    for order in (1, 2, 3):
        moments = (found.density * found.nodes**order).sum(1)
        error = moments.std(ddof=1) / len(moments) ** 0.5
        assert abs(moments.mean() - (values**order).mean()) < 4 * error
    bar, mass = 1e-3 * values[0], np.maximum(-values, 0).sum() / np.abs(values).sum()
    for share, true in ((found.negative, values < -bar), (found.positive, values > bar)):
        assert share.low - 4 * share.error < true.mean() < share.high + 4 * share.error
        assert share.low <= share.value <= share.high
    assert abs(found.negative_mass - mass) < 4 * found.negative_mass_error + 1e-3
    assert np.isnan(found.condition_at_least)


def test_single_precision_agrees_with_double():
    subject, (model, (x, y)) = digits("layer")
    exact = leading(subject, subject.hessian_at(subject.centre), 5).values
    single = Subject(model.float(), functional.cross_entropy, (x.float(), y))
    found = leading(single, single.hessian_at(single.centre), 5)
    assert found.values == pytest.approx(exact, rel=1e-5)


def test_linear_regression_is_its_covariance():
    x = torch.randn(50, 4, dtype=torch.float64)
    model = nn.Linear(4, 1, bias=False).double()
    subject = Subject(model, functional.mse_loss, [(x, torch.randn(50, 1).double())])
    found = curvature(subject, Effort(4))
    covariance = (2 * x.T @ x / 50).numpy()
    values = np.linalg.eigvalsh(covariance)[::-1]
    assert found.eigenvalues == pytest.approx(values)
    assert found.trace == pytest.approx(covariance.trace())
    assert found.condition_at_least == pytest.approx(values[0] / values[-1])
    assert found.edge == pytest.approx(2 / values[0])
    assert found.lowest == pytest.approx(values[-1])
    assert (found.positive.value, found.negative.value) == (pytest.approx(1), 0)


def test_logistic_regression_is_its_formula():
    x = torch.randn(80, 5, dtype=torch.float64)
    y = (torch.rand(80, 1) < 0.5).double()
    model = nn.Linear(5, 1, bias=False).double()
    subject = Subject(model, functional.binary_cross_entropy_with_logits, [(x, y)])
    apply = subject.hessian_at(subject.centre)
    ours = torch.stack([apply(row) for row in torch.eye(5, dtype=torch.float64)]).numpy()
    p = torch.sigmoid(x @ subject.centre)
    expected = ((x * (p * (1 - p))[:, None]).T @ x / 80).numpy()
    assert ours == pytest.approx(expected, rel=1e-10)
    assert leading(subject, apply, 2).values == pytest.approx(
        np.linalg.eigvalsh(expected)[::-1][:2]
    )


def test_the_product_of_two_weights():
    """Sharpness a² + b² at a minimum, ±1 at the saddle."""
    minimum = curvature(Product([2.0, 0.5]), Effort(1))
    assert minimum.eigenvalues == pytest.approx([4.25])
    assert minimum.lowest == pytest.approx(0, abs=1e-9)
    saddle = curvature(Product([0.0, 0.0]), Effort(1))
    assert (saddle.eigenvalues[0], saddle.lowest) == (pytest.approx(1), pytest.approx(-1))
    assert abs(saddle.negative.value - 0.5) < 4 * saddle.negative.error


def test_matrix_factorisation_at_its_minimum():
    """½|UV - M|² with UV = M = I: eigenvalues are sums of squared singular values of U and V."""

    class Factors(nn.Module):
        def __init__(self):
            super().__init__()
            self.u = nn.Parameter(torch.diag(torch.tensor([2.0, 1.0]).double()))
            self.v = nn.Parameter(torch.diag(torch.tensor([0.5, 1.0]).double()))

        def forward(self, x):
            return x @ self.u @ self.v

    eye = torch.eye(2, dtype=torch.float64)
    subject = Subject(Factors(), lambda o, t: ((o - t) ** 2).sum() / 2, [(eye, eye)])
    u, v = (np.array([2.0, 1.0]), np.array([0.5, 1.0]))
    expected = sorted((a * a + b * b for a in u for b in v), reverse=True)  # and four zeros
    found = leading(subject, subject.hessian_at(subject.centre), 5)
    assert found.values == pytest.approx([*expected, 0], abs=1e-9)


def test_a_gradient_along_an_eigenvector_lies_in_it():
    bowl = Bowl(np.diag([5.0, 3, 1, 1]), centre=np.array([0.0, 2, 0, 1]))
    pairs = leading(bowl, bowl.hessian_at(None), 2)
    shares = gradient_shares(bowl.gradient_at(bowl.centre), pairs.vectors)
    assert shares == pytest.approx([0, 36 / 37], abs=1e-9)


def test_preconditioned_is_similar_to_the_inverse_times_the_hessian():
    hessian, scale = rotated(np.arange(1.0, 7)), np.arange(1.0, 7) ** 2
    bowl = Bowl(hessian)
    apply = preconditioned(bowl.hessian_at(None), np.sqrt(scale))
    expected = np.sort(np.linalg.eigvals(np.diag(1 / scale) @ hessian).real)[::-1]
    assert leading(bowl, apply, 3).values == pytest.approx(expected[:3])


def test_batch_statistics_and_running_ones_are_different_hessians():
    _, (model, (x, y)) = digits("batch")
    fresh = nn.Sequential(
        nn.Linear(8, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 4)
    ).double()
    fresh.load_state_dict(model.state_dict(), strict=False)  # running statistics of nothing seen
    tops = {}
    for statistics in ("running", "batch"):
        subject = Subject(fresh, functional.cross_entropy, [(x, y)], statistics=statistics)
        found = curvature(subject, Effort(1))
        tops[found.about.statistics] = found.eigenvalues[0]
        hessian = dense(subject, fresh, (x, y), by_batch=statistics == "batch")
        assert found.eigenvalues[0] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)
    assert abs(np.log(tops["running"] / tops["batch"])) > 0.4


def test_a_loss_that_is_linear_has_no_curvature():
    model = nn.Linear(3, 1).double()
    data = [(torch.randn(5, 3).double(), torch.zeros(5, 1).double())]
    subject = Subject(model, lambda o, t: (o - t).mean(), data)
    apply = subject.hessian_at(subject.centre)
    assert not apply(subject.centre).any()
    nodes, weights = quadrature(subject, apply, probes=2, steps=3)
    assert not nodes.any()
    assert weights.sum(1) == pytest.approx(1)
    assert size(subject) == 4


def test_what_is_allowed_is_what_is_spent():
    bowl, told = Bowl(rotated(np.linspace(-0.2, 1, 120))), []
    products = []
    bowl.hessian_at = lambda point: lambda v: products.append(1) or bowl.hessian @ v
    for most in (60, 100, 250, 800):
        products.clear()
        effort = Effort(most=most, by_layer=10)
        found = curvature(
            bowl,
            effort,
            preconditioner=Preconditioner(np.ones(120), "nothing"),
            progress=lambda *now: told.append(now),
        )
        assert found.products == len(products) <= most
        assert told[-1] == (found.products, most)
    assert found.preconditioned == pytest.approx(1)
    assert found.preconditioner == "nothing"
    assert np.isnan(curvature(bowl).preconditioned)


def test_too_few_products_and_a_point_without_a_gradient_are_refused():
    with pytest.raises(FathomError, match="59 products are too few"):
        Effort(most=59)
    bowl = Bowl(np.eye(3))
    bowl.gradient_at = lambda point: np.full(3, np.nan)
    with pytest.raises(FathomError, match="not finite"):
        curvature(bowl)


@pytest.mark.parametrize("values", [[0.0, 0, 0], [-1.0, -2, -3]])
def test_where_nothing_bends_upwards_no_learning_rate_is_too_large(values):
    assert curvature(Bowl(np.diag(values), centre=np.ones(3))).edge == np.inf


def test_a_loss_that_bends_only_down_has_no_positive_eigenvalues():
    """Its largest is 0 but for rounding: signs are told by the largest magnitude."""
    values = np.concatenate([-5 * np.arange(1.0, 41), np.zeros(60)])
    found = curvature(Bowl(rotated(values), centre=np.ones(100)))
    assert found.positive.value == 0
    assert abs(found.negative.value - 0.4) < 4 * found.negative.error + 0.01
