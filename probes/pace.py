"""Which step a training is at, whether that step is recorded, and what recording has cost.

Whether a step is recorded must be known before its first forward pass: it is decided as soon as
the step before it is over.
"""

from __future__ import annotations

import time

from probes.clock import Clock
from probes.schedule import Cost, Schedule


class Pace:
    """Counts steps, measures them, and asks the schedule about the next one."""

    def __init__(self, schedule: Schedule, start: int, optimizers: int) -> None:
        self.start = self.step = start
        self.due = self.next = False  # is this step recorded, and the one after it?
        self.complete = False  # have all optimizers in play had their turn?
        self.records = 0
        self._schedule, self._clock, self._cost = schedule, Clock(start, optimizers), Cost()
        self._planned = start  # the last step about which it is decided
        self._inside, self._since = 0.0, 0.0

    @property
    def under_way(self) -> int:
        return self._clock.under_way

    @property
    def share(self) -> float:
        """Of training time that recording has cost, as measured."""
        return self._cost.share

    def turn(self, optimizer: int) -> bool:
        """An optimizer is about to step. Does a new step begin with it?"""
        begins = self._clock.turn(optimizer)
        self.step, self.complete = self._clock.step, self._clock.complete
        return begins

    def begin(self) -> None:
        self.due = self.next
        self.records += self.due

    def is_planned(self, step: int) -> bool:
        return step <= self._planned

    def spend(self, started: float) -> None:
        """Time since `started` went into recording."""
        self._inside += time.perf_counter() - started

    def plan(self, step: int, started: float, in_hooks: float) -> None:
        """Decide about this step; the one before it is over, and took so long."""
        if step <= self._planned:
            return
        if step > self.start + 1:
            now = time.perf_counter()
            inside = self._inside + in_hooks + now - started
            if step > self.start + 2:  # the first one had to warm up
                self._cost.took(now - self._since, inside, recorded=self.due)
            self._since, self._inside = now, started - now  # the caller adds what is counted here
        self.next = self._schedule.due(step, self._cost)
        self._planned = step
