"""When to look: at every n-th step, or as often as a share of training time allows."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Protocol

DENSE = 50  # the first steps, where most goes wrong, are all looked at
PER_DECADE = 500  # records in each tenfold of steps, at most
AT_LEAST = 16  # and at least, whatever they cost: too few to matter
AGREED = 100  # records in each tenfold where several processes must record the same steps
BURST = 5  # records that may follow at once on a long pause
UNSEEN, AT_MOST = 1.5, 2.0  # true cost over what the clock inside the hooks sees: as a guess
LN10 = 2.302585


class Cost:
    """What recording costs: time inside the hooks, and a step with a record less one without.

    The clock inside the hooks misses the calls themselves and evicted caches: the true cost is up
    to twice as much, and how much is learnt from the steps. No device is waited for: in a
    steady state steps follow one another at the device's pace.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._in_records = self._in_idle = 0.0  # seconds inside hooks, so far
        self._idle: deque[float] = deque(maxlen=31)
        self._recorded: deque[float] = deque(maxlen=15)
        self._inside: deque[float] = deque(maxlen=15)
        self._unseen = UNSEEN
        self.of_a_record = 0.0  # seconds; asked for at every step, so it is worked out but once

    def took(self, seconds: float, inside: float, *, recorded: bool) -> None:
        """A step ended: its seconds, and those of them inside hooks and log calls."""
        self.elapsed += seconds
        if not recorded:
            self._idle.append(seconds)
            self._in_idle += inside
            return
        self._in_records += inside
        self._recorded.append(seconds)
        self._inside.append(inside)
        typical = median(self._inside)
        self._unseen = self._judge(typical)
        self.of_a_record = self._unseen * typical

    def _judge(self, inside: float) -> float:
        """The true cost of a record over what the clock inside the hooks sees."""
        if len(self._idle) < 5 or len(self._recorded) < 5 or not inside:
            return UNSEEN
        seen = (median(self._recorded) - median(self._idle)) / inside
        return min(max(1.0, seen), AT_MOST)

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self._unseen * self._in_records + UNSEEN * self._in_idle

    @property
    def share(self) -> float:
        """Of the time so far."""
        return min(1.0, self.spent / self.elapsed) if self.elapsed else 0.0


class Schedule(Protocol):
    """Decides which steps are recorded."""

    def due(self, step: int, cost: Cost) -> bool: ...


class Every:
    """Every n-th step and the first: exact, whatever it costs."""

    def __init__(self, n: int) -> None:
        self.n = n

    def due(self, step: int, cost: Cost) -> bool:
        return step == 1 or step % self.n == 0

    def __str__(self) -> str:
        return f"every {self.n} steps" if self.n > 1 else "every step"


class Budget:
    """Dense at the start, then log-spaced, stretched until recording costs its share at most."""

    def __init__(self, share: float, start: int) -> None:
        self.share, self._start, self._last = share, start, start
        self._forgone = 0.0  # credit beyond a burst is not saved up

    def due(self, step: int, cost: Cost) -> bool:
        gap = (step - self._last) / (LN10 * step)  # in tenfolds of steps
        if gap * PER_DECADE < 1 and step > self._start + DENSE:
            return False
        record = cost.of_a_record
        credit = self.share * cost.elapsed - cost.spent - self._forgone
        self._forgone += max(0.0, credit - BURST * record)
        due = step <= self._start + DENSE or gap * AT_LEAST >= 1 or credit >= record
        self._last = step if due else self._last
        return due

    def __str__(self) -> str:
        return f"{100 * self.share:g} % of training time"


class Agreed:
    """Dense at the start, then log-spaced whatever it costs: processes of one training agree."""

    def __init__(self, start: int) -> None:
        self._start, self._last = start, start

    def due(self, step: int, cost: Cost) -> bool:
        due = step <= self._start + DENSE or (step - self._last) * AGREED >= LN10 * step
        self._last = step if due else self._last
        return due

    def __str__(self) -> str:
        return f"{AGREED} records in each tenfold of steps, the same in every process"


def schedule(every: int | None, budget: float | None, start: int, processes: int = 1) -> Schedule:
    """What the Recorder's arguments ask for."""
    if every is not None:
        if every < 1:
            raise ValueError(f"every={every}: it counts steps and starts at 1")
        return Every(every)
    if budget is None:
        return Every(1)
    if not 0 < budget < 1:
        raise ValueError(f"budget={budget}: it is a share of training time, such as 0.02")
    return Budget(budget, start) if processes == 1 else Agreed(start)
