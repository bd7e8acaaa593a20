from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from probes.listening import TRIES, Listening
from tests.probes.watching import Seen

x = torch.ones(2, 2)


def listening(*probes):
    told = []
    made = Listening(
        list(enumerate(probes)),
        lambda listener, function, given, output: told.append(
            (listener[0], function, *given, output)
        ),
    )
    return made, told


def stack():
    return _get_current_function_mode_stack()


def test_the_functions_asked_for_are_heard_with_what_they_got_and_gave():
    ears, told = listening(Seen(functional.relu), Seen(functional.relu, torch.cumsum))
    ears.begin()
    relued = functional.relu(x)
    summed = torch.cumsum(x, dim=1)
    torch.exp(x)
    ears.end()
    functional.relu(x)
    assert [(n, function) for n, function, *_ in told] == [
        (0, functional.relu), (1, functional.relu), (1, torch.cumsum),
    ]  # fmt: skip
    assert told[0][2][0] is x
    assert told[0][4] is relued
    assert (told[2][3], told[2][4] is summed) == ({"dim": 1}, True)


def test_outside_of_a_pass_there_is_no_mode():
    ears, _ = listening(Seen(functional.relu))
    assert stack() == []
    ears.begin()
    ears.begin()
    assert len(stack()) == 1
    ears.end()
    ears.end()
    assert stack() == []


def test_with_nobody_to_listen_there_never_is_a_mode():
    ears, _ = listening()
    ears.begin()
    assert stack() == []
    assert not ears.wanted


def test_what_never_comes_up_is_not_listened_for_for_ever():
    ears, _ = listening(Seen(functional.relu))
    for _ in range(TRIES):
        assert ears.wanted
        ears.begin()
        torch.exp(x)
        ears.end()
    ears.begin()
    assert stack() == []
    assert not ears.wanted


def test_what_has_come_up_is_listened_for_to_the_end():
    ears, told = listening(Seen(functional.relu))
    for n in range(3 * TRIES):
        ears.begin()
        if n == TRIES - 1:
            functional.relu(x)
        ears.end()
    assert ears.wanted
    assert len(told) == 1


def test_it_nests_in_a_mode_of_the_users():
    class Counting(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.calls += func is torch.cumsum
            return func(*args, **(kwargs or {}))

    ears, told = listening(Seen(torch.cumsum))
    with Counting() as user:
        ears.begin()
        torch.cumsum(x, 0)
        ears.end()
        torch.cumsum(x, 0)
        assert stack() == [user]
    assert (user.calls, len(told)) == (2, 1)


def test_a_function_that_raises_raises_as_it_would():
    ears, told = listening(Seen(torch.matmul))
    ears.begin()
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        torch.matmul(x, torch.ones(3, 3))
    ears.end()
    assert told == []
