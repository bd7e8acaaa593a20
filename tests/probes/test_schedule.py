from __future__ import annotations

import numpy as np
import pytest

from probes.schedule import (
    AGREED,
    AT_LEAST,
    BURST,
    DENSE,
    PER_DECADE,
    Agreed,
    Budget,
    Cost,
    Every,
    schedule,
)

STEP = 0.01  # seconds of a made-up step without a record


def simulate(plan, steps, *, record, inside=1.0, start=0):
    """Which steps are recorded when a record takes `record` of a step; and its share of time."""
    cost, due, elapsed, spent = Cost(), [], 0.0, 0.0
    for step in range(start + 1, start + steps + 1):
        taken = plan.due(step, cost)
        extra = record * STEP if taken else 0.0
        cost.took(STEP + extra, inside * extra, recorded=taken)
        elapsed, spent = elapsed + STEP + extra, spent + extra
        due += [step] * taken
    return np.array(due), spent / elapsed, cost


def test_every_takes_the_first_step_and_each_nth():
    due, _, _ = simulate(Every(7), 30, record=10)
    assert due.tolist() == [1, 7, 14, 21, 28]


def test_every_step_is_every_step():
    assert len(simulate(Every(1), 30, record=10)[0]) == 30


@pytest.mark.parametrize("start", [0, 5000])
def test_the_first_steps_are_all_recorded(start):
    due, _, _ = simulate(Budget(0.005, start), 200, record=0.5, start=start)
    assert due[:DENSE].tolist() == list(range(start + 1, start + DENSE + 1))


# The first 50 records and the floor of 16 a tenfold cost at most 88 of 20,000 steps' half: 0.0022,
# below the smallest budget asked for here; so the whole run must keep it.
@pytest.mark.parametrize("budget", [0.005, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("record", [0.01, 0.03, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("inside", [1.0, 0.6])
def test_recording_costs_no_more_than_its_share(budget, record, inside):
    _, share, cost = simulate(Budget(budget, 0), 20_000, record=record, inside=inside)
    assert share <= 1.1 * budget
    assert cost.share >= 0.9 * share


def test_a_budget_is_used_where_records_are_dear():
    _, share, _ = simulate(
        Budget(0.02, 0), 20_000, record=2, inside=0.6
    )  # 200 records: no tenfold is full
    assert share == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("record", [0.0, 0.01, 0.1])
def test_a_tenfold_of_steps_has_a_bounded_number_of_records(record):
    due, _, _ = simulate(Budget(0.5, 0), 100_000, record=record)
    for low in (100, 1000, 5000, 10_000):
        assert ((due > low) & (due <= 10 * low)).sum() <= PER_DECADE


def test_some_records_are_taken_whatever_they_cost():
    due, _, _ = simulate(Budget(0.001, 0), 10_000, record=100)
    in_a_tenfold = ((due > 1000) & (due <= 10_000)).sum()
    assert AT_LEAST - 3 <= in_a_tenfold <= AT_LEAST


def test_a_long_pause_is_followed_by_a_burst_at_most():
    plan, cost, after = Budget(0.02, 0), Cost(), []
    for step in range(1, 3001):
        taken = plan.due(step, cost)
        cost.took(STEP * (1.5 if taken else 1), STEP * 0.5 * taken, recorded=taken)
    cost.took(3600.0, 0.0, recorded=False)
    for step in range(3001, 4001):
        after.append(plan.due(step, cost))
        cost.took(STEP * (1.5 if after[-1] else 1), STEP * 0.5 * after[-1], recorded=after[-1])
    usual = 1000 * 0.02 / 0.5  # records that the budget allows in these steps
    assert sum(after) <= usual + BURST + 1


@pytest.mark.parametrize("start", [0, 777])
def test_processes_agree_whatever_recording_costs_them(start):
    taken = [
        simulate(Agreed(start), 3000, record=record, inside=inside, start=start)[0].tolist()
        for record, inside in ((0.0, 1.0), (0.1, 0.5), (100, 1.0))
    ]
    assert taken[0] == taken[1] == taken[2]
    assert taken[0][:DENSE] == list(range(start + 1, start + DENSE + 1))


def test_where_processes_agree_each_tenfold_has_its_records():
    due, _, _ = simulate(Agreed(0), 100_000, record=1)
    for low in (200, 1000, 10_000):
        found = ((due > low) & (due <= 10 * low)).sum()
        assert 0.85 * AGREED <= found <= AGREED + 1
    gaps = np.diff(np.log10(due[due > 1000]))
    assert gaps.max() < 2 * gaps.min()  # evenly spread on the logarithmic axis


def test_processes_that_resume_agree():
    one, two = (simulate(Agreed(5000), 500, record=cost, start=5000)[0] for cost in (0, 9))
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize(
    ("every", "budget", "processes", "kind"),
    [
        (None, 0.02, 1, Budget),
        (None, 0.02, 2, Agreed),
        (5, 0.02, 2, Every),
        (None, None, 2, Every),
    ],
)
def test_what_several_processes_record_is_agreed_on(every, budget, processes, kind):
    assert type(schedule(every, budget, 0, processes)) is kind


def test_a_record_costs_what_a_step_with_it_takes_more():
    cost = Cost()
    for n in range(40):
        recorded = n % 4 == 0
        cost.took(1.3 if recorded else 1.0, 0.2 if recorded else 0.0, recorded=recorded)
    assert cost.of_a_record == pytest.approx(0.3)


def test_a_record_costs_at_most_twice_what_is_seen_of_it():
    cost = Cost()
    for n in range(40):  # steps differ for other reasons too
        cost.took(2.0 if n % 4 == 0 else 1.0, 0.2 * (n % 4 == 0), recorded=n % 4 == 0)
    assert cost.of_a_record == pytest.approx(0.4)


def test_a_record_costs_at_least_the_time_inside_its_hooks():
    cost = Cost()
    for n in range(40):
        cost.took(1.0, 0.25 if n % 2 else 0.0, recorded=bool(n % 2))
    assert cost.of_a_record >= 0.25


def test_time_in_log_calls_counts():
    cost = Cost()
    for _ in range(10):
        cost.took(1.0, 0.2, recorded=False)
    assert cost.share == pytest.approx(1.5 * 0.2)  # the calls themselves take time as well


def test_nothing_has_been_spent_before_the_first_step():
    assert Cost().share == 0


@pytest.mark.parametrize(
    ("every", "budget", "words"),
    [
        (None, 0.02, "2 % of training time"),
        (None, None, "every step"),
        (1, 0.02, "every step"),
        (10, None, "every 10 steps"),
    ],
)
def test_a_schedule_says_itself(every, budget, words):
    assert str(schedule(every, budget, 0)) == words


def test_what_processes_agree_on_says_itself():
    words = "100 records in each tenfold of steps, the same in every process"
    assert str(schedule(None, 0.02, 0, 8)) == words


@pytest.mark.parametrize(("every", "budget"), [(0, None), (-3, 0.02), (None, 0), (None, 1.0)])
def test_bad_arguments_are_refused_with_their_value(every, budget):
    value = every if every is not None else budget
    for processes in (1, 4):
        with pytest.raises(ValueError, match=f"={value}"):
            schedule(every, budget, 0, processes)
