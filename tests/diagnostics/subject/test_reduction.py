import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.subject import Subject
from probes import Recorder, Snapshots
from probes.folder import FathomError
from probes.program import Whole

torch.set_num_threads(1)
SIZES = (7, 2, 4)


def summed(output, target):
    return functional.cross_entropy(output, target, reduction="sum")


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def data(sizes=SIZES):
    torch.manual_seed(1)
    return [(torch.randn(n, 5).double(), torch.randint(3, (n,))) for n in sizes]


def live(_, batches):
    return Subject(model(), summed, batches)


def recorded(folder, batches):
    """The program of the first batch, on all of them."""
    trained = model()
    optimizer = torch.optim.SGD(trained.parameters(), 0.0)
    with Recorder(
        trained, optimizer, folder / "run", probes=[Snapshots()], loss=summed, batch=batches[0]
    ):
        summed(trained(batches[0][0]), batches[0][1]).backward()
        optimizer.step()
    return Run(folder / "run").subject().on(batches)


@pytest.fixture(params=[live, recorded])
def subject(request, tmp_path):
    return request.param(tmp_path, data())


def by_hand(weights=None):
    """The sum of every example's loss, one after the other."""
    net = model()
    if weights is not None:
        nn.utils.vector_to_parameters(weights, net.parameters())
    each = [summed(net(x[n : n + 1]), y[n : n + 1]) for x, y in data() for n in range(len(y))]
    return net, torch.stack(each)


def test_a_sum_of_several_batches_is_the_sum_of_their_losses(subject):
    net, each = by_hand()
    assert subject.about.reduction == "sum"
    assert subject.loss_at(subject.centre) == pytest.approx(each.sum().item(), rel=1e-12)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(each.sum(), net.parameters())])
    torch.testing.assert_close(subject.gradient_at(subject.centre), gradient, rtol=1e-10, atol=0)


def test_so_are_its_products(subject):
    vector = torch.linspace(-1, 1, len(subject.centre), dtype=torch.float64)
    net, each = by_hand()
    parameters = [*net.parameters()]
    slope = torch.autograd.grad(each.sum(), parameters, create_graph=True)
    along = torch.cat([part.flatten() for part in slope]) @ vector
    exact = torch.cat([part.flatten() for part in torch.autograd.grad(along, parameters)])
    torch.testing.assert_close(subject.hvp(subject.centre, vector), exact, rtol=1e-10, atol=1e-12)


def test_its_examples_have_losses_of_their_own_and_add_up_to_it(subject):
    point = subject.centre * 1.3
    net, each = by_hand(point)
    assert subject.per_example_losses(point) == pytest.approx(each.detach().numpy(), rel=1e-12)
    whole, accuracy = subject.measures_at([point])[0]
    assert whole == pytest.approx(each.sum().item(), rel=1e-12)
    right = [net(x).argmax(1) == y for x, y in data()]
    assert accuracy == pytest.approx(float(torch.cat(right).double().mean()))
    assert subject.examples_at(point).means() == pytest.approx([whole, accuracy], rel=1e-12)


def test_re_estimated_statistics_of_a_sum_are_means_all_the_same():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()
    mean, total = (
        Subject(net, loss, data(), statistics="re-estimated")
        for loss in (functional.cross_entropy, summed)
    )
    expected = sum(SIZES) * mean.loss_at(mean.centre)
    assert total.loss_at(total.centre) == pytest.approx(expected, rel=1e-12)


def normed():
    return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)).double()


def contrast(net, batch):
    output = net(batch[0])
    return functional.cross_entropy(output @ output.T, torch.arange(len(output)))


MEAN = functional.cross_entropy
KINDS = {
    "a mean": (model, MEAN, "mean"),
    "a sum": (model, summed, "sum"),
    "a mean with a penalty": (
        model,
        Whole(lambda m, b: MEAN(m(b[0]), b[1]) + m[0].weight.square().sum()),
        "mean",
    ),
    "a sum with a penalty": (
        model,
        Whole(lambda m, b: summed(m(b[0]), b[1]) + 9 * m[0].weight.square().sum()),
        "other",
    ),
    "of pairs": (model, Whole(contrast), "other"),
    "a mean of squares": (model, lambda o, t: MEAN(o, t).square(), "other"),
    "a mean, normalised": (normed, MEAN, "mean"),
    "a sum, normalised": (normed, summed, "sum"),
    "nothing": (model, lambda o, t: 0 * MEAN(o, t), "unknown"),
    "no number": (model, lambda o, t: MEAN(o, t) / 0, "unknown"),
    "of batches of 7 alone": (model, lambda o, t: MEAN(o.reshape(7, 3), t), "unknown"),
}


@pytest.mark.parametrize("statistics", ["running", "batch"])
@pytest.mark.parametrize("name", KINDS)
def test_what_a_loss_is_of_its_examples_is_found_out(name, statistics):
    make, loss, kind = KINDS[name]
    subject = Subject(make(), loss, data()[0], statistics=statistics)
    assert subject.about.reduction == kind


@pytest.mark.parametrize("size", [1, 2, 3, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_found_on_however_few_and_in_half_precision(size, dtype):
    [(x, y)] = data([size])
    kinds = [
        Subject(model().to(dtype), loss, (x.to(dtype), y)).about.reduction
        for loss in (functional.cross_entropy, summed)
    ]
    assert kinds == ["mean", "sum"]


def test_one_may_say_what_it_is():
    def penalised(net, batch):
        return summed(net(batch[0]), batch[1]) + 9 * net[0].weight.square().sum()

    found = Subject(model(), Whole(penalised), data())
    told = found.reduced_by("sum")
    exact = sum(penalised(model(), batch) for batch in data())
    assert told.loss_at(told.centre) == pytest.approx(float(exact.detach()), rel=1e-12)
    assert (found.about.reduction, told.about.reduction) == ("other", "sum")
    assert found.key != told.key
    assert found.loss_at(found.centre) < told.loss_at(told.centre)
    with pytest.raises(FathomError, match=r"reduced by 'none' \(there are: mean, sum\)"):
        found.reduced_by("none")


def test_a_recorded_mean_of_bfloat16_is_a_mean(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).bfloat16()
    torch.manual_seed(1)
    x, y = torch.randn(8, 6).bfloat16(), torch.randint(3, (8,))
    optimizer = torch.optim.SGD(net.parameters(), 0.0)
    how = {"loss": functional.cross_entropy, "batch": (x, y)}
    with Recorder(net, optimizer, tmp_path / "run", probes=[Snapshots()], **how):
        optimizer.step()
    for subject in (
        Run(tmp_path / "run").subject(),
        Subject(net, functional.cross_entropy, (x, y)),
    ):
        assert subject.about.reduction == "mean"
        with torch.no_grad():
            alone = functional.cross_entropy(net(x), y, reduction="none").tolist()
        assert subject.per_example_losses(subject.centre) == pytest.approx(alone, rel=0.02)
