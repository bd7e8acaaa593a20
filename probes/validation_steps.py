"""After which steps a validation is likely: learnt from those at which its values are logged."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from statistics import median_low

HELD_OUT = {"val", "valid", "validation", "test", "eval", "evaluation", "dev", "heldout", "holdout"}
STEPS = 16  # without a validation, by which it is judged how many passes there are anyway
VAIN = 8  # steps in a row at which none came, after which it must show itself again


class ValidationSteps:
    """The next one is expected as long after the last as that came after the one before it."""

    def __init__(self, start: int) -> None:
        self._last, self._period = start, 0
        self._vain = 0
        self._besides: deque[int] = deque(maxlen=STEPS)  # passes where no validation was logged
        self._names: dict[str, bool] = {}

    def logged(self, names: Iterable[str], step: int) -> bool:
        """Values were logged at this step. Does one of them come of a validation?"""
        if not any(map(self._is_held_out, names)):
            return False
        if step > self._last:
            self._period, self._last = step - self._last, step
        return True

    def _is_held_out(self, name: str) -> bool:
        if name not in self._names:
            words = re.split(r"[^a-z]+", name.lower())
            self._names[name] = not HELD_OUT.isdisjoint(words)
        return self._names[name]

    def expects(self, step: int) -> bool:
        """Is one likely between this step and the next?"""
        if not self._period or self._vain >= VAIN or step <= self._last:
            return False
        return (step - self._last) % self._period == 0

    @property
    def others(self) -> int:
        """How many passes without gradients most steps are followed by, validation or not."""
        return median_low(self._besides) if self._besides else 0

    def came(self, passes: int, *, expected: bool, logged: bool) -> bool:
        """So many were seen after a step. Was there a validation among them?"""
        came = logged and passes > self.others
        self._vain = 0 if came else self._vain + expected
        if not logged:
            self._besides.append(passes)
        return came
