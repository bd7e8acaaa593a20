from __future__ import annotations

import pytest

from probes.clock import AT_FIRST, PATIENCE, Clock


def steps(turns, clock=None):
    """The step that each optimizer's turn falls into."""
    clock = clock or Clock(0, len(set(turns)))
    seen = []
    for optimizer in turns:
        before = clock.step
        begins = clock.turn("DGX".index(optimizer))
        assert clock.step - before == begins
        seen.append(clock.step)
    return seen


def completions(turns, clock):
    """Is the step complete after each turn?"""
    found = []
    for optimizer in turns:
        clock.turn("DGX".index(optimizer))
        found.append(clock.complete)
    return found


def test_one_optimizer_counts_its_own_steps():
    assert steps("DDDDD") == [1, 2, 3, 4, 5]


def test_two_that_alternate_share_a_step():
    assert steps("DGDGDG") == [1, 1, 2, 2, 3, 3]


def test_three_that_take_turns_share_a_step():
    assert steps("DGXDGX") == [1, 1, 1, 2, 2, 2]


def test_they_need_not_keep_their_order():
    assert steps("DGXGXDXDG") == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_round_with_several_turns_of_one_is_a_step():
    assert steps("DDDG" * 4) == [n for n in (1, 2, 3, 4) for _ in range(4)]


def test_one_that_comes_late_joins():
    clock = Clock(0, 1)
    assert steps("DDD" + "DGDG" * 2, clock) == [1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]


def test_one_that_falls_silent_is_waited_for_a_while_only():
    seen = steps("DG" * 3 + "D" * 200)
    assert seen[:6] == [1, 1, 2, 2, 3, 3]
    waited = seen[6:].count(4)
    assert waited == PATIENCE
    assert seen[-10:] == list(range(seen[-1] - 9, seen[-1] + 1))
    assert seen[-1] == 4 + 200 - waited


@pytest.mark.parametrize("start", [0, 100])
def test_one_that_never_steps_is_waited_for_less(start):
    seen = [step - start for step in steps("D" * 40, Clock(start, 2))]
    assert seen == [1] * AT_FIRST + list(range(2, 42 - AT_FIRST))


def test_many_optimizers_all_have_their_turn():
    clock = Clock(0, 100)
    seen = []
    for _ in range(3):
        for n in range(100):
            clock.turn(n)
            seen.append(clock.step)
    assert seen == [1] * 100 + [2] * 100 + [3] * 100


def test_one_that_wakes_again_shares_steps_again():
    clock = Clock(0, 2)
    steps("DG" * 3 + "D" * 200, clock)
    first, *seen, last = steps("GDGDGDGD", clock)
    assert seen == [first + 1, first + 1, first + 2, first + 2, first + 3, first + 3]
    assert last == first + 4


def test_a_resumed_run_counts_on():
    assert steps("DGDG", Clock(100, 2)) == [101, 101, 102, 102]


def test_before_the_first_turn_nothing_is_complete():
    assert not Clock().complete
    assert not Clock(0, 2).complete


@pytest.mark.parametrize(
    ("turns", "optimizers", "complete"),
    [
        ("DDD", 1, "111"),
        ("DGDG", 2, "0101"),
        ("GDDG", 2, "0101"),
        ("DDDGDDDG", 2, "00010001"),
        ("DGXDGX", 3, "001001"),
    ],
)
def test_a_step_is_complete_with_the_last_ones_turn(turns, optimizers, complete):
    found = completions(turns, Clock(0, optimizers))
    assert found == [mark == "1" for mark in complete]


def test_without_the_silent_one_steps_are_complete_again():
    found = completions("DG" + "D" * (PATIENCE + 5), Clock(0, 2))
    assert found == [False, True] + [False] * PATIENCE + [True] * 5
