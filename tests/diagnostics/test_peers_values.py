"""Other tools' numbers at the same points and vectors, where those tools are right."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import Direction, towards
from diagnostics.lanczos import leading
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid
from diagnostics.subject import Subject
from diagnostics.trace import Stop, trace

torch.set_num_threads(1)

keeps_its_graph = pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
compiles_at_import = pytest.mark.filterwarnings("ignore:.torch.jit.script. is:DeprecationWarning")


def perceptron():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 4))
    return model, (torch.randn(30, 6), torch.randint(4, (30,)))


def convolutional():
    torch.manual_seed(1)
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    return nn.Sequential(*layers), (torch.randn(20, 1, 6, 6), torch.randint(3, (20,)))


def moved(model, seed):
    """The same model at other weights."""
    torch.manual_seed(seed)
    other = deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return other


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def trained(steps=200):
    model, (x, y) = perceptron()
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model, (x, y)


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_a_line_has_the_values_of_loss_landscapes(statistics):
    """It steps before it looks: its first value is one step from the start, its last the end."""
    peer = pytest.importorskip("loss_landscapes")
    metrics = pytest.importorskip("loss_landscapes.metrics")
    model, data = convolutional()
    model.train(statistics == "batch")
    subject = Subject(model, functional.cross_entropy, data, statistics=statistics)
    other = moved(model, 2)
    line = [towards(subject, flat(other.parameters()))]
    ours = loss_landscape(subject, line, Grid((0.0, 1.0), 11, 0)).loss
    metric = metrics.Loss(functional.cross_entropy, *data)
    theirs = peer.linear_interpolation(model, other, metric, steps=10, deepcopy_model=True)
    assert np.ptp(theirs) > 0.1
    assert ours[1:] == pytest.approx(theirs, rel=1e-5)


def test_a_plane_has_the_values_of_loss_landscapes_where_it_really_looks():
    """Its way back along every second row is a cell nearer to the start than the way there."""
    peer = pytest.importorskip("loss_landscapes")
    metrics = pytest.importorskip("loss_landscapes.metrics")
    model, data = perceptron()
    subject = Subject(model, functional.cross_entropy, data)
    ends = [moved(model, seed) for seed in (2, 3)]
    plane = [towards(subject, flat(end.parameters())) for end in ends]
    ours = loss_landscape(subject, plane, Grid((0.0, 1.0), 7, 0)).loss
    metric = metrics.Loss(functional.cross_entropy, *data)
    theirs = peer.planar_interpolation(model, *ends, metric, steps=6, deepcopy_model=True)
    first, second = np.indices(theirs.shape)  # steps along each direction, as it has them
    assert ours[second + (first % 2 == 0), first] == pytest.approx(theirs, rel=1e-5)


def test_a_plane_has_the_values_of_landscaper_where_it_really_looks():
    """Nodes are as far apart as if there were one more; the highest is roughened with noise."""
    peer = pytest.importorskip("landscaper.compute")
    model, data = perceptron()
    subject = Subject(model, functional.cross_entropy, data)
    torch.manual_seed(2)
    drawn = [[torch.randn_like(p) for p in model.parameters()] for _ in range(2)]
    scaled = [flat([d * d.numel() ** 0.5 / d.norm() for d in each]) for each in drawn]
    plane = [Direction("", each * subject.centre.norm() / each.norm()) for each in scaled]
    ours = loss_landscape(subject, plane, Grid((-0.8, 0.8), 5, 0)).loss
    found = peer.compute_loss_landscape(
        model, data, drawn, lambda m, d: functional.cross_entropy(m(d[0]), d[1]).item(),
        steps=5, distance=1.0, dim=2, device="cpu",
    )  # fmt: skip
    theirs = found[0].T
    rest = theirs < theirs.max()
    assert rest.sum() == 24
    assert ours[rest] == pytest.approx(theirs[rest], rel=1e-5)


@keeps_its_graph
def test_leading_eigenvalues_are_those_of_pyhessian():
    peer = pytest.importorskip("pyhessian")
    model, data = trained()
    subject = Subject(model, functional.cross_entropy, data)
    ours = leading(subject, subject.hessian_at(subject.centre), 3)
    torch.manual_seed(0)
    asked = peer.hessian(model, functional.cross_entropy, data=data, cuda=False)
    theirs, vectors = asked.eigenvalues(maxIter=2000, tol=1e-7, top_n=3)
    assert ours.values == pytest.approx(theirs, rel=1e-4)
    for vector, mine in zip(vectors, ours.vectors, strict=True):
        assert abs(float(flat(vector) @ mine)) > 0.99


@keeps_its_graph
def test_each_draw_of_the_trace_is_that_of_pyhessian():
    """With its own vectors; and Fathom's, of others, is as far off as both errors say."""
    peer = pytest.importorskip("pyhessian")
    model, data = trained()
    subject = Subject(model, functional.cross_entropy, data)
    apply = subject.hessian_at(subject.centre)
    asked = peer.hessian(model, functional.cross_entropy, data=data, cuda=False)
    torch.manual_seed(5)
    theirs = asked.trace(maxIter=200, tol=-1)
    torch.manual_seed(5)
    vectors = [
        2 * flat([torch.randint_like(p, high=2) for p in model.parameters()]) - 1 for _ in theirs
    ]
    assert [float(v @ apply(v)) for v in vectors] == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    ours = trace(subject, apply, stop=Stop(tolerance=0.01, most=400))
    error = np.hypot(ours.error, np.std(theirs, ddof=1) / np.sqrt(len(theirs)))
    assert abs(ours.value - np.mean(theirs)) < 4 * error < 0.2 * ours.value


@keeps_its_graph
def test_products_over_uneven_batches_are_those_of_pyhessian():
    peer = pytest.importorskip("pyhessian")
    model, (x, y) = perceptron()
    batches = [(x[:4], y[:4]), (x[4:11], y[4:11]), (x[11:], y[11:])]
    subject = Subject(model, functional.cross_entropy, batches)
    asked = peer.hessian(model, functional.cross_entropy, dataloader=batches, cuda=False)
    torch.manual_seed(5)
    vector = [torch.randn_like(p) for p in model.parameters()]
    _, theirs = asked.dataloader_hv_product(vector)
    ours = subject.hvp(subject.centre, flat(vector))
    torch.testing.assert_close(ours, flat(theirs), rtol=1e-5, atol=1e-6)


@compiles_at_import
@pytest.mark.parametrize("made", [perceptron, convolutional])
def test_products_are_those_of_curvlinops(made):
    """Forward over reverse there; of running statistics, where that is right."""
    peer = pytest.importorskip("curvlinops")
    model, (x, y) = made()
    model, x = model.double().eval(), x.double()
    parts = [(x[:9], y[:9]), (x[9:], y[9:])]
    subject = Subject(model, functional.cross_entropy, parts)
    operator = peer.HessianLinearOperator(
        model, nn.CrossEntropyLoss(), list(model.parameters()), parts
    )
    apply = subject.hessian_at(subject.centre)
    for seed in range(3):
        vector = subject.vector(np.random.default_rng(seed).standard_normal(len(subject.centre)))
        ours, theirs = apply(vector), operator @ vector
        assert (ours - theirs).norm() < 1e-6 * theirs.norm()
