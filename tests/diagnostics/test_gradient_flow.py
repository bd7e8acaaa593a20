from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import expit, polygamma, psi
from torch import nn

from diagnostics import Run
from diagnostics.gradient_flow import gradient_flow
from probes import FathomError, Recorder
from tests.trainings import Transformer, cnn, mlp, record

WIDTH, DEPTH = 100, 5


def draws(
    model: nn.Module, start: Callable[[], object], path, count: int, inputs: int = WIDTH
) -> Run:
    """Gradients of a random projection of the output: new weights and a new input each step."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with Recorder(model, optimizer, path, every=1):
        for _ in range(count):
            start()
            out = model(torch.randn(1, inputs))
            (out * torch.randn_like(out)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    return Run(path)


@pytest.mark.parametrize("c", [0.5, 1.0, 1.7])
def test_a_deep_linear_net_decays_as_derived(tmp_path, c):
    """log|g_l|²/|g_l+1|² has mean log(2c/N) + psi(N/2) and variance psi_1(N/2)."""
    width, depth, count = 32, 12, 80
    model = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))

    def start() -> None:
        for layer in model:
            nn.init.normal_(layer.weight, std=math.sqrt(c / width))
            nn.init.zeros_(layer.bias)

    run = draws(model, start, tmp_path / "run", count, inputs=width)
    flow = gradient_flow(run, "bias")  # a bias receives dL/da itself
    expected = 0.5 * (math.log(2 * c / width) + psi(width / 2))
    spread = 0.5 * math.sqrt(polygamma(1, width / 2))
    error = spread / math.sqrt((depth - 1) * count)
    assert flow.in_profile.sum() == depth
    assert abs(np.log(flow.decay).mean() - expected) < 3.5 * error
    assert np.log(flow.first_to_last).mean() == pytest.approx(
        (depth - 1) * np.log(flow.decay).mean()
    )
    inside = (flow.decay_low < math.exp(expected)) & (math.exp(expected) < flow.decay_high)
    assert 0.88 <= inside.mean() <= 1.0  # 95 % of 80, and four standard errors
    weights = gradient_flow(run, "weight")  # products of both passes: what one loses, one gains
    assert abs(np.log(weights.decay).mean()) < 3.5 * error * math.sqrt(2)


class Tap(nn.Module):
    """Adds zeros: their gradient is that of the activations."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h + self.bias


LECTURE = {  # activation, initialisation: rms of h_1 … h_5, rms of dL/dh_1 … dL/dh_5 over the last
    ("tanh", "small"): (".099 .0099 .00099 9.9e-5 1e-5", "1e-4 1e-3 .01 .1 1"),
    ("tanh", "large"): (".96 .96 .96 .96 .96", "31 13 5.6 2.3 1"),
    ("tanh", "xavier"): (".63 .48 .41 .36 .32", ".53 .66 .79 .90 1"),
    ("tanh", "he"): (".72 .63 .60 .58 .57", "1 1.1 1.1 1 1"),
    ("relu", "small"): (".071 .0051 3.6e-4 2.5e-5 1.8e-6", "2.5e-5 3.6e-4 .005 .071 1"),
    ("relu", "large"): ("7.1 50 360 2500 18000", "2500 350 49 7.1 1"),
    ("relu", "xavier"): (".71 .50 .35 .25 .18", ".25 .36 .50 .71 1"),
    ("relu", "he"): ("1 1 1 1 1", "1 1 1 1 1"),
    ("sigmoid", "small"): (".5 .5 .5 .5 .5", "4e-7 1.6e-5 6.3e-4 .025 1"),
    ("sigmoid", "large"): (".68 .67 .66 .66 .67", ".95 .97 .98 .98 1"),
    ("sigmoid", "xavier"): (".54 .52 .51 .52 .51", ".0032 .014 .057 .24 1"),
    ("sigmoid", "he"): (".56 .53 .53 .53 .53", ".0098 .032 .10 .32 1"),
}
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
Z = np.linspace(-10, 10, 200_001)
SLOPES = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "sigmoid": (expit, lambda x: expit(x) * (1 - expit(x))),
}
STDS = {"small": 0.01, "large": 1.0, "xavier": WIDTH**-0.5, "he": (2 / WIDTH) ** 0.5}


def mean_field(activation: str, std: float) -> tuple[list[float], list[float]]:
    """The table by theory: q' = s² E phi(sqrt(q) z)², and each layer's s² E phi'(sqrt(q) z)²."""
    phi, slope = SLOPES[activation]
    weight = np.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi) * (Z[1] - Z[0])
    gain = WIDTH * std**2
    q, sizes, factors = gain, [], []
    for _ in range(DEPTH):
        sizes.append(math.sqrt(np.sum(weight * phi(math.sqrt(q) * Z) ** 2)))
        factors.append(gain * np.sum(weight * slope(math.sqrt(q) * Z) ** 2))
        q = gain * sizes[-1] ** 2
    return sizes, [math.sqrt(math.prod(factors[n + 1 :])) for n in range(DEPTH)]


def as_printed(row: str) -> list[object]:
    """The lecture's figures: within 5 %, and half of their last digit."""
    return [pytest.approx(float(n), rel=0.05 + _rounding(n)) for n in row.split()]


def _rounding(printed: str) -> float:
    digits = printed.split("e", maxsplit=1)[0]
    last = 10.0 ** -len(digits.partition(".")[2])
    return 0.5 * last / float(digits) if "." in digits else 0.0


@pytest.mark.parametrize(("activation", "start"), LECTURE)
def test_the_lecture_table_is_reproduced(tmp_path, activation, start):
    """Five layers of 100 units. With one example, dL/dW = dL/da h^T: h follows from gradients."""
    layers = [m for _ in range(DEPTH) for m in (nn.Linear(WIDTH, WIDTH), ACTIVATIONS[activation]())]
    taps = [Tap() for _ in range(DEPTH)]
    blocks = [nn.Sequential(*layers[2 * n : 2 * n + 2], taps[n]) for n in range(DEPTH)]
    model = nn.Sequential(*blocks, nn.Linear(WIDTH, WIDTH))
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    for linear in linears:
        nn.init.zeros_(linear.bias)

    def draw() -> None:
        for linear in linears:
            nn.init.normal_(linear.weight, std=STDS[start])

    run = draws(model, draw, tmp_path / "run", 400)
    weight, bias = gradient_flow(run, "weight"), gradient_flow(run, "bias")

    def size(flow, layer: str) -> np.ndarray:
        return np.square(flow.norm[:, flow.layers.index(layer)])

    after = [f"{n}.0" for n in range(1, DEPTH)] + [str(DEPTH)]
    activations = [
        math.sqrt(np.mean(size(weight, name) / size(bias, name)) / WIDTH) for name in after
    ]
    gradients = np.sqrt([size(bias, f"{n}.2").mean() for n in range(DEPTH)])
    profile = (gradients / gradients[-1]).tolist()
    theory = mean_field(activation, STDS[start])
    assert activations == pytest.approx(theory[0], rel=0.05)
    assert profile == pytest.approx(theory[1], rel=0.05)
    assert activations == as_printed(LECTURE[activation, start][0])
    assert profile == as_printed(LECTURE[activation, start][1])


def test_norm_and_rms_are_the_gradients_own(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        model(torch.randn(3, 5)).square().mean().backward()
        optimizer.step()
    flow = gradient_flow(Run(tmp_path / "run"), "all")
    for n, layer in enumerate(model):
        gradients = torch.cat([p.grad.flatten() for p in layer.parameters()])
        assert flow.norm[0, n] == pytest.approx(float(gradients.norm()))
        assert flow.rms[0, n] == pytest.approx(float(gradients.square().mean().sqrt()))
    assert flow.first_to_last[0] == pytest.approx(flow.rms[0, 0] / flow.rms[0, 1])


class Backwards(nn.Module):
    """Defined from the last layer to the first."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.b, self.a = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(torch.relu(self.b(torch.relu(self.a(x)))))


def test_layers_come_in_the_order_of_the_forward_pass(tmp_path):
    model = nn.Sequential(nn.Unflatten(1, (2, 4)), Backwards(), nn.Flatten(), nn.Linear(8, 3))
    flow = gradient_flow(Run(record(tmp_path / "run", model, steps=2)))
    assert flow.layers == ("1.a", "1.b", "1.c", "3")


def test_cnns_leave_out_what_a_normalisation_cancels(tmp_path):
    flow = gradient_flow(Run(record(tmp_path / "run", cnn(), steps=2)), "all")
    assert flow.layers == ("1", "2", "5", "8")
    assert flow.in_profile.tolist() == [True, False, True, True]
    assert flow.cancelled == ("1.bias",)


def test_transformers_are_seen_whole(tmp_path):
    flow = gradient_flow(Run(record(tmp_path / "run", Transformer(), steps=2)))
    inner = ["self_attn", "self_attn.out_proj", "norm1", "linear1", "linear2", "norm2"]
    expected = [
        "embed",
        *(f"encoder.layers.{n}.{name}" for n in range(2) for name in inner),
        "head",
    ]
    assert sorted(flow.layers) == sorted(expected)
    assert flow.layers[0] == "embed"
    assert flow.layers[-1] == "head"
    assert flow.in_profile.sum() == 10
    assert np.isfinite(flow.rms).all()


def test_frozen_and_unused_parameters_are_named(tmp_path):
    model = mlp()
    model[0].requires_grad_(False)
    model.spare = nn.Linear(2, 2)
    used = list(model)[:-1]
    model.forward = lambda x: functools.reduce(lambda h, layer: layer(h), used, x)
    flow = gradient_flow(Run(record(tmp_path / "run", model, steps=2)))
    assert flow.frozen == ("0.weight", "0.bias")
    assert flow.unused == ("spare.weight", "spare.bias")
    assert "0" not in flow.layers


def test_what_is_not_finite_shows_as_infinite(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        for scale in (1.0, float("nan")):
            (model(torch.ones(1, 2)) * scale).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    flow = gradient_flow(Run(tmp_path / "run"))
    assert np.isfinite(flow.rms[0]).all()
    assert np.isinf(flow.rms[1]).all()
    assert np.isnan(flow.decay[1])


def test_tiny_gradients_do_not_vanish_in_the_reading(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        (model(torch.ones(1, 3)) * 1e-30).sum().backward()
        optimizer.step()
    gradient = model[0].weight.grad.double()
    flow = gradient_flow(Run(tmp_path / "run"))
    assert flow.norm[0, 0] == pytest.approx(float(gradient.norm()), rel=1e-5)


def test_without_gradients_it_says_what_to_add(tmp_path):
    from probes import Weights

    run = Run(record(tmp_path / "run", steps=2, probes=[Weights()]))
    with pytest.raises(FathomError, match=r"no series 'gradients'.*has: weights.*Gradients\(\)"):
        gradient_flow(run)


class Normed(nn.Module):
    """A layer, a normalisation over examples, and what a subclass makes of both."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.head = nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return self.head(self.joined(self.norm(y), y))

    def joined(self, normed: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return normed


class Skipping(Normed):
    def joined(self, normed: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return normed + y


class Evaluated(Normed):
    def __init__(self) -> None:
        super().__init__()
        self.norm.eval()


@pytest.mark.parametrize(
    ("kind", "cancelled"), [(Normed, ("layer.bias",)), (Skipping, ()), (Evaluated, ())]
)
def test_a_bias_is_cancelled_only_where_its_gradient_is_nothing(tmp_path, kind, cancelled):
    torch.manual_seed(0)
    run = Run(record(tmp_path / "run", kind(), steps=5))
    assert run.tensors["layer.bias"].role == "cancelled"  # by where it stands
    assert gradient_flow(run).cancelled == cancelled
    assert ("layer" in gradient_flow(run, "bias").layers) == (not cancelled)
