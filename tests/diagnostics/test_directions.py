import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import (
    Direction,
    cosines,
    eigendirections,
    normalised,
    orthogonal,
    placed,
    point_at,
    random_direction,
    towards,
)
from diagnostics.subject import Subject
from diagnostics.weight_space import length
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl

torch.set_num_threads(1)


def convolutional():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.ConvTranspose2d(3, 4, 2),
        nn.Flatten(),
        nn.Linear(36 * 1, 3),
    )
    data = [(torch.randn(4, 2, 4, 4), torch.randint(3, (4,)))]
    subject = Subject(model, functional.cross_entropy, data)
    MODELS[id(subject)] = model
    return subject


MODELS = {}


@torch.no_grad()
def by_hand(subject, seed, kept=()):
    """Li et al. (2018), filter by filter, in plain loops."""
    draw = torch.as_tensor(
        np.random.default_rng(seed).standard_normal(len(subject.centre)), dtype=torch.float32
    )
    parts, start = [], 0
    for name, parameter in MODELS[id(subject)].named_parameters():
        part = draw[start : start + parameter.numel()].reshape(parameter.shape).clone()
        start += parameter.numel()
        if parameter.ndim < 2:
            part *= parameter.norm() / part.norm() if name in kept else 0
        else:
            turn = name.startswith("3.")  # a transposed convolution's filters are its second axis
            rows = part.transpose(0, 1) if turn else part
            filters = parameter.transpose(0, 1) if turn else parameter
            for n in range(len(rows)):
                rows[n] *= filters[n].norm() / rows[n].norm()
        parts.append(part.flatten())
    return torch.cat(parts).detach()


def test_filter_normalised_is_the_original_method_by_hand():
    subject = convolutional()
    ours = random_direction(subject, 7).vector
    torch.testing.assert_close(ours, by_hand(subject, 7), rtol=1e-5, atol=1e-7)


def test_biases_and_norms_kept_are_normalised_as_one_filter_each():
    subject = convolutional()
    ours = random_direction(subject, 7, without=("norm",)).vector
    expected = by_hand(subject, 7, kept=("0.bias", "3.bias", "5.bias"))
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-7)


def test_layers_are_as_long_as_the_weights():
    subject = convolutional()
    vector = random_direction(subject, 1, normalise="layer", without=()).vector
    for piece in subject.pieces:
        assert float(piece.of(vector).norm()) == pytest.approx(
            float(piece.of(subject.centre).norm()), rel=1e-5, abs=1e-9
        )


def test_a_filter_without_weights_is_not_moved():
    subject = convolutional()
    subject.pieces[0].of(subject.centre)[1] = 0
    vector = random_direction(subject, 0).vector
    assert torch.isfinite(vector).all()
    assert not subject.pieces[0].of(vector)[1].any()
    assert subject.pieces[0].of(vector)[0].any()


def test_random_directions_are_nearly_orthogonal_and_alike_in_neither_sign():
    bowl = Bowl(np.eye(4000), centre=np.ones(4000))
    found = [random_direction(bowl, seed) for seed in range(6)]
    angles = cosines(bowl, found)
    assert np.diag(angles) == pytest.approx(1)
    assert np.abs(angles - np.eye(6)).max() < 5 / np.sqrt(4000)
    assert abs(found[0].vector.mean()) < 5 / np.sqrt(4000) * found[0].vector.std()


def test_a_seed_is_the_same_direction_whatever_holds_it():
    subject = convolutional()
    twin = convolutional()
    assert torch.equal(random_direction(subject, 3).vector, random_direction(twin, 3).vector)


def test_rescaling_relu_layers_leaves_filter_normalised_slices_unchanged():
    """w₁ → c w₁, w₂ → w₂ / c: one function, and one slice: not so along plain directions."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)
    ).double()
    data = [(torch.randn(20, 5).double(), torch.randint(3, (20,)))]
    here = Subject(model, functional.cross_entropy, data)
    with torch.no_grad():
        model[0].weight *= 10
        model[2].weight /= 10
    there = Subject(model, functional.cross_entropy, data)
    assert here.loss_at(here.centre) == pytest.approx(there.loss_at(there.centre), rel=1e-12)
    for normalise, alike in (("filter", True), ("layer", True), ("none", False)):
        cuts = []
        for subject in (here, there):
            vector = random_direction(subject, 0, normalise=normalise).vector
            cuts.append(subject.losses_at(subject.centre + a * vector for a in (-1, -0.3, 0.5, 1)))
        assert np.allclose(*cuts, rtol=1e-9) is alike


def test_towards_reaches_the_other_weights_at_one():
    bowl = Bowl(np.eye(3), centre=np.array([1.0, 2, 3]))
    other = np.array([4.0, 4, 4])
    assert (bowl.centre + towards(bowl, other).vector == other).all()


def test_orthogonal_is_a_right_angle():
    random = np.random.default_rng(0)
    first, second = (Direction("d", random.random(30)) for _ in range(2))
    assert abs(cosines(Bowl(np.eye(30)), [first, orthogonal(second, first)])[0, 1]) < 1e-12
    assert cosines(Bowl(np.eye(30)), [first, second])[0, 1] > 0.5


def test_places_on_a_plane_that_is_not_square():
    bowl = Bowl(np.eye(3), centre=np.array([1.0, 1, 1]))
    plane = [Direction("u", np.array([1.0, 0, 0])), Direction("v", np.array([1.0, 1, 0]))]
    coordinates, distance = placed(bowl, plane, [bowl.centre + np.array([3.0, 2, 5])])
    assert coordinates[0] == pytest.approx([1, 2])
    assert distance[0] == pytest.approx(5)


def test_normalised_does_not_touch_what_it_is_given():
    bowl = Bowl(np.eye(3), centre=np.ones(3))
    vector = np.array([3.0, 0, 4])
    normalised(bowl, vector, "layer")
    assert vector.tolist() == [3, 0, 4]
    assert length(vector) == 5


def test_an_unknown_normalisation_is_said():
    with pytest.raises(FathomError, match="there are: filter, layer, none"):
        random_direction(Bowl(np.eye(3)), 0, normalise="weight")


def test_a_point_is_the_centre_and_so_much_of_each_direction():
    bowl = Bowl(np.eye(2), centre=np.array([1.0, 2.0]))
    plane = [Direction("u", np.array([1.0, 0])), Direction("v", np.array([1.0, 1]))]
    assert point_at(bowl, plane, (2, -3)).tolist() == [0, -1]


def test_eigendirections_are_named_by_their_values():
    found = eigendirections(np.array([2.5, 1]), (np.array([1.0, 0]), np.array([0, 1.0])))
    assert [d.name for d in found] == ["eigenvector 1 (λ = 2.5)", "eigenvector 2 (λ = 1)"]
    assert found[1].vector.tolist() == [0, 1]


@pytest.mark.parametrize("second", [[0.0, 0, 0], [2.0, 0, 0]])
def test_places_on_a_plane_that_is_but_a_line(second):
    bowl = Bowl(np.eye(3))
    plane = [Direction("u", np.array([1.0, 0, 0])), Direction("v", np.array(second))]
    coordinates, distance = placed(bowl, plane, [np.array([3.0, 0, 4])])
    assert coordinates[0] @ [1, second[0]] == pytest.approx(3)
    assert distance[0] == pytest.approx(4)


def test_all_of_a_direction_is_orthogonal_to_one_of_no_length():
    first, nowhere = Direction("d", np.ones(3)), Direction("nowhere", np.zeros(3))
    assert orthogonal(first, nowhere).vector.tolist() == [1, 1, 1]
