"""Where one step ends and the next begins, when several optimizers share a training loop."""

from __future__ import annotations

PATIENCE = 64  # turns after which the optimizers that stay silent are no longer waited for
AT_FIRST = 16  # the same in the first step, when some may never have been in play


class Clock:
    """Counts steps: one begins when all optimizers in play have had their turn in the last.

    With one optimizer each of its steps is one. Where two alternate, or one steps five times as
    often, a step is one round of all; an optimizer that has fallen silent leaves the game.
    """

    def __init__(self, step: int = 0, optimizers: int = 1) -> None:
        self.step = self._start = step
        self._in_play = set(range(optimizers))
        self._stepped: set[int] = set()
        self._turns = 0
        self.complete = False  # have all optimizers in play had their turn in this step?

    def turn(self, optimizer: int) -> bool:
        """An optimizer is about to step. Does a new step begin with it?"""
        if self.complete and len(self._in_play) == 1 and optimizer in self._in_play:
            self.step += 1  # it is alone, and was before: nothing else changes
            return True
        self._turns += 1
        if self._turns > AT_FIRST and self._turns > self._patience:
            self._in_play, self.complete = set(self._stepped), True
        begins = not self._stepped or (self.complete and optimizer in self._stepped)
        if begins:
            self.step += 1
            self._stepped.clear()
            self._turns = 1
        self._stepped.add(optimizer)
        self._in_play.add(optimizer)
        self.complete = self._in_play <= self._stepped
        return begins

    @property
    def _patience(self) -> int:
        least = AT_FIRST if self.step <= self._start + 1 else PATIENCE
        return max(least, 2 * len(self._in_play))

    @property
    def under_way(self) -> int:
        """The step that what happens now belongs to."""
        return self.step + (self.complete or not self._stepped)
