import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import Direction, random_direction
from diagnostics.sharpness import (
    ball_rise,
    doubling_radii,
    expected_rise,
    relative_noise,
    sam_step,
    sharpness,
)
from diagnostics.subject import Subject
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl, Function, rotated

torch.set_num_threads(1)
X = Direction("x", np.array([1.0, 0.0]))


def test_the_largest_rise_at_a_bowls_bottom_is_half_its_largest_eigenvalue():
    bowl = Bowl(rotated([8.0, 5, 3, 1, 0.1]))
    assert ball_rise(bowl, 0.3, np.ones(5), steps=60) == pytest.approx(0.5 * 8 * 0.3**2, rel=1e-6)
    assert sam_step(bowl, 0.3) == 0  # blind: there is no gradient


def test_the_largest_rise_beside_the_bottom_is_found():
    hessian, place = np.diag([4.0, 1.0]), np.array([1.0, 2.0])
    bowl = Bowl(hessian, centre=place)
    angles = np.linspace(0, 2 * np.pi, 100_000)
    rim = place[:, None] + 0.5 * np.array([np.cos(angles), np.sin(angles)])
    exact = (0.5 * (rim * (hessian @ rim)).sum(0)).max() - bowl.loss(place)
    assert ball_rise(bowl, 0.5, np.ones(2)) == pytest.approx(exact, rel=1e-6)
    assert sam_step(bowl, 0.5) <= exact
    assert sam_step(bowl, 0.5) == pytest.approx(exact, rel=0.1)


def test_in_the_adaptive_ball_each_weight_moves_by_its_own_size():
    hessian, place = np.diag([4.0, 1.0]), np.array([0.1, 5.0])
    bowl = Bowl(hessian, centre=place, minimum=place)
    assert ball_rise(bowl, 0.2, place, steps=60) == pytest.approx(0.5 * 0.2**2 * 25, rel=1e-6)


def relu_net(factor=1.0):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)
    ).double()
    x = torch.randn(30, 5).double()
    with torch.no_grad():
        model[0].weight *= factor
        model[2].weight /= factor
    return Subject(model, functional.cross_entropy, [(x, x[:, :3].argmax(1))])


def test_what_is_blind_to_the_scale_of_relu_layers_and_what_is_not():
    """The same function twice. A definition that tells them apart is about the scale."""
    here, there = sharpness(relu_net()), sharpness(relu_net(20.0))
    assert here.loss == pytest.approx(there.loss)
    assert here.adaptive_rise == pytest.approx(there.adaptive_rise, rel=0.02)
    assert here.noise_rise == pytest.approx(there.noise_rise, rel=1e-6)
    assert here.doubling == pytest.approx(there.doubling, rel=1e-4)
    assert there.ball_rise > 3 * here.ball_rise
    assert there.sam_step > 3 * here.sam_step


def test_the_expected_rise_of_a_bowl_is_half_its_trace():
    hessian = rotated([8.0, 5, 3, 1, -0.5])
    for centre in (np.zeros(5), np.arange(5.0)):  # a slope does not matter: it cancels
        bowl = Bowl(hessian, centre=centre)
        rise, error = expected_rise(
            bowl, lambda n: 0.1 * np.random.default_rng(n).standard_normal(5), 2000
        )
        assert abs(rise - 0.5 * 0.01 * hessian.trace()) < 4 * error
        assert error < 0.02 * rise


def test_relative_noise_is_a_share_of_the_weights():
    bowl = Bowl(np.eye(50), centre=np.full(50, 3.0))
    assert np.linalg.norm(relative_noise(bowl, 0.1)(0)) == pytest.approx(0.1 * 3 * 50**0.5)


def test_the_radius_at_which_a_bowls_loss_doubles():
    hessian = rotated([8.0, 5, 3, 1, 0.1])
    bowl = Bowl(hessian, floor=0.2)
    bowl.centre = bowl.minimum
    found = [Direction("d", np.random.default_rng(n).standard_normal(5)) for n in range(4)]
    exact = [np.sqrt(2 * 0.2 / (d.vector @ hessian @ d.vector)) for d in found]
    assert doubling_radii(bowl, found) == pytest.approx(exact, rel=1e-5)


def test_a_loss_that_never_doubles_and_one_that_has_a_hole():
    flat = Function(lambda x, y: 1.0)
    assert doubling_radii(flat, [X]).tolist() == [np.inf]
    torn = Function(lambda x, y: 1.0 if x < 0.7 else np.nan)
    assert doubling_radii(torn, [X]) == pytest.approx([0.7], rel=1e-4)


def test_random_directions_are_what_doubling_is_meant_for():
    subject = relu_net()
    radii = doubling_radii(subject, [random_direction(subject, n) for n in range(3)])
    losses = [
        subject.loss_at(subject.centre + r * random_direction(subject, n).vector)
        for n, r in enumerate(radii)
        if np.isfinite(r)
    ]
    assert losses
    assert losses == pytest.approx([2 * subject.loss_at(subject.centre)] * len(losses), rel=1e-4)


@pytest.mark.parametrize("floor", [0.0, -3.0, np.nan])
def test_nothing_is_the_double_of_a_loss_of_0_or_less(floor):
    bowl = Bowl(np.eye(2), floor=floor)
    assert np.isnan(doubling_radii(bowl, [X])).all()


REFUSED = {
    "draws=1 have no standard error": {"draws": 1},
    "draws=0 have no standard error": {"draws": 0},
    "radius=0: give a number above 0": {"radius": 0},
    "radius=-0.1: give a number above 0": {"radius": -0.1},
    "adaptive_radius=inf: give a number above 0": {"adaptive_radius": np.inf},
    "noise=nan: give a number above 0": {"noise": np.nan},
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_says_nothing_of_sharpness_is_refused(said):
    with pytest.raises(FathomError, match=said):
        sharpness(Bowl(np.eye(2), centre=np.ones(2), floor=1.0), **REFUSED[said])


def test_so_it_is_of_each_definition_alone():
    bowl = Bowl(np.eye(2), floor=1.0)
    for refused, said in (
        (lambda: expected_rise(bowl, lambda n: np.ones(2), 1), "draws=1"),
        (lambda: sam_step(bowl, 0), "radius=0"),
        (lambda: ball_rise(bowl, 0.1, np.ones(2), steps=0), "steps=0"),
        (lambda: relative_noise(bowl, -1.0), "share=-1.0"),
        (lambda: doubling_radii(bowl, [X], factor=1.0), "factor=1.0: the centre has that already"),
        (lambda: doubling_radii(bowl, [X], most=0), "most=0"),
    ):
        with pytest.raises(FathomError, match=said):
            refused()
