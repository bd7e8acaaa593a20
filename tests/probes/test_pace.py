from __future__ import annotations

import time

from probes.pace import Pace
from probes.schedule import Every


def walk(pace, steps, optimizers=1):
    """Take so many steps; which of them were recorded."""
    recorded = []
    pace.plan(pace.start + 1, time.perf_counter(), 0.0)
    for _ in range(steps):
        for n in range(optimizers):
            if pace.turn(n):
                pace.begin()
        assert pace.complete
        recorded += [pace.step] * pace.due
        pace.plan(pace.step + 1, time.perf_counter(), 0.0)
    return recorded


def test_whether_a_step_is_recorded_is_known_before_it_begins():
    pace = Pace(Every(3), 0, 1)
    pace.plan(1, time.perf_counter(), 0.0)
    assert (pace.step, pace.due, pace.next) == (0, False, True)
    pace.turn(0)
    pace.begin()
    assert (pace.step, pace.due) == (1, True)


def test_the_schedules_steps_are_recorded_and_counted():
    pace = Pace(Every(3), 0, 2)
    assert walk(pace, 10, optimizers=2) == [1, 3, 6, 9]
    assert (pace.step, pace.records) == (10, 4)


def test_a_resumed_training_counts_on():
    pace = Pace(Every(5), 100, 1)
    assert walk(pace, 10) == [105, 110]


def test_a_step_is_planned_once():
    asked = []

    class Plan(Every):
        def due(self, step, cost):
            asked.append(step)
            return True

    pace = Pace(Plan(1), 0, 1)
    for _ in range(2):
        pace.plan(1, time.perf_counter(), 0.0)
    assert asked == [1]
    assert pace.is_planned(1)
    assert not pace.is_planned(2)


def test_what_happens_between_steps_belongs_to_the_next():
    pace = Pace(Every(1), 0, 2)
    assert pace.under_way == 1
    pace.turn(0)
    assert pace.under_way == 1  # the second optimizer is still to come
    pace.turn(1)
    assert pace.under_way == 2


def test_the_cost_is_time_inside_over_all_time():
    pace = Pace(Every(1), 0, 1)
    pace.plan(1, time.perf_counter(), 0.0)
    for _ in range(4):
        pace.turn(0)
        pace.begin()
        started = time.perf_counter()
        time.sleep(0.004)
        pace.spend(started)
        time.sleep(0.016)
        pace.plan(pace.step + 1, time.perf_counter(), 0.0)
    assert 0.2 <= pace.share <= 0.6  # a guess of what the clock does not see is added
