import pytest
import torch

from diagnostics.treatment.patients import made, patients
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import stack, training


def make(seed):
    model = stack()
    torch.nn.init.normal_(model[0].weight)
    return training(model)


def test_a_factory_gives_each_seed_a_training_of_its_own_chance():
    first, second, again = (made(make, seed).model[0].weight for seed in (0, 1, 0))
    # a factory that seeds itself decides; the stack's seed is fixed, so all are alike here
    assert torch.equal(first, again)
    assert torch.equal(first, second)


def test_what_a_factory_draws_is_the_seeds_and_not_the_users():
    def drawing(seed):
        model = torch.nn.Linear(6, 3)
        return training(model)

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = [made(drawing, seed).model.weight for seed in (0, 1, 0)]
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_one_training_goes_on_reading_for_its_second_seed():
    given = training()
    first, second = patients(given, (0, 1), 2)
    assert torch.equal(second.tape.batches[0][0], given.batches[2][0])
    assert torch.equal(first.tape.batches[0][0], given.batches[0][0])


def test_every_course_is_a_fresh_copy():
    (patient,) = patients(training(), (0,), 3)
    one, other = patient.course(), patient.course()
    assert one.model is not other.model
    assert torch.equal(one.model[0].weight, other.model[0].weight)


@pytest.mark.parametrize(
    ("given", "seeds", "message"),
    [
        (3, (0,), "was given a int"),
        (lambda seed: None, (4,), "gave a NoneType for seed 4"),
        (training(), (), "no seeds"),
    ],
)
def test_what_cannot_be_treated_is_said(given, seeds, message):
    with pytest.raises(FathomError, match=message):
        patients(given, seeds, 3)
