from __future__ import annotations

from probes.clock import PATIENCE, Clock


def steps(turns, clock=None):
    """The step that each optimizer's turn falls into."""
    clock = clock or Clock()
    seen = []
    for optimizer in turns:
        before = clock.step
        begins = clock.turn("DGX".index(optimizer))
        assert clock.step - before == begins
        seen.append(clock.step)
    return seen


def test_one_optimizer_counts_its_own_steps():
    assert steps("DDDDD") == [1, 2, 3, 4, 5]


def test_two_that_alternate_share_a_step():
    assert steps("DGDGDG") == [1, 1, 2, 2, 3, 3]


def test_three_that_take_turns_share_a_step():
    assert steps("DGXDGX") == [1, 1, 1, 2, 2, 2]


def test_a_round_with_several_turns_of_one_is_a_step():
    seen = steps("DDDG" * 4)
    rounds = [seen[4 * n : 4 * n + 4] for n in range(1, 4)]  # the first cannot know of G
    assert [len(set(one)) for one in rounds] == [1, 1, 1]
    assert [one[0] for one in rounds] == [seen[3] + 1, seen[3] + 2, seen[3] + 3]


def test_one_that_comes_late_joins():
    assert steps("DDD" + "DGDG" * 2) == [1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]


def test_one_that_falls_silent_is_waited_for_a_while_only():
    seen = steps("DG" * 3 + "D" * 200)
    assert seen[:6] == [1, 1, 2, 2, 3, 3]
    waited = seen[6:].count(4)
    assert waited == PATIENCE
    assert seen[-10:] == list(range(seen[-1] - 9, seen[-1] + 1))
    assert seen[-1] == 4 + 200 - waited


def test_one_that_wakes_again_shares_steps_again():
    clock = Clock()
    steps("DG" * 3 + "D" * 200, clock)
    first, *seen, last = steps("GDGDGDGD", clock)
    assert seen == [first + 1, first + 1, first + 2, first + 2, first + 3, first + 3]
    assert last == first + 4


def test_a_resumed_run_counts_on():
    assert steps("DGDG", Clock(100)) == [101, 101, 102, 102]
