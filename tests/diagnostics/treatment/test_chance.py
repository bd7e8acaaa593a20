import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from diagnostics.treatment.chance import own_chance


def drawn():
    numbers = np.random.rand(3).tolist()  # noqa: NPY002
    return torch.rand(3).tolist(), numbers, random.random()


def seeded():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)


def test_what_is_drawn_inside_leaves_what_comes_after_as_it_was():
    seeded()
    expected = drawn()
    seeded()
    with own_chance(1):
        first = drawn()
    assert drawn() == expected
    with own_chance(1):
        assert drawn() == first


def test_an_error_inside_leaves_it_so_too():
    seeded()
    expected = drawn()
    seeded()
    with pytest.raises(KeyError), own_chance(1):
        drawn()
        raise KeyError
    assert drawn() == expected


@pytest.mark.parametrize("own", [torch.Generator, np.random.default_rng, random.Random])
def test_generators_that_a_loader_holds_come_back(own):
    def draws(generator):
        if isinstance(generator, torch.Generator):
            return torch.rand(3, generator=generator).tolist()
        return [generator.random() for _ in range(3)]

    held = own()
    loader = type("Loader", (), {})()
    loader.sampler = {"inside": [held]}
    with own_chance(0, loader):
        first = draws(held)
    assert draws(held) == first


def test_a_data_loaders_own_order_comes_back():
    data = TensorDataset(torch.arange(20))
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(data, 5, shuffle=True, generator=generator)
    with own_chance(0, loader):
        inside = [batch[0].tolist() for batch in loader]
    assert [batch[0].tolist() for batch in loader] == inside


def test_the_generator_in_a_functions_closure_is_found():
    generator = np.random.RandomState(1)
    with own_chance(0, lambda: 2 * generator.rand()):
        first = generator.rand()
    assert generator.rand() == first
