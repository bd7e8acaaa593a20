"""The black box: when training is no longer finite, or raises, it says where that began.

At every step a few gradients are summed, on the host at least; only a sum that is not finite brings
the close look: at all gradients, and at the step's forward passes, played again. The first trouble
is told in full, later ones are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from torch import Tensor, nn

from probes.close_look import Scene, close_look, replays, scaled_too_far
from probes.finiteness import countable, dense, tally
from probes.first_bad import Report
from probes.folder import FathomError
from probes.keeper import Keeper
from probes.last_rows import LastRows, judged_rows
from probes.raised import raised
from probes.replay import Pause
from probes.unfolding import Reduced

SENTINELS = 8  # gradients at most that are summed at every step
SMALL = 65536  # elements at most of each
REST = 100  # steps until they are chosen anew: layers may have been unfrozen
SKIPS = 3  # steps in a row that a GradScaler leaves out before it is told: one or two are usual


class NonFiniteError(FathomError):
    """Training is no longer finite, and the recorder was asked to stop it."""


class BlackBox:
    """Looks for the first thing that is not finite."""

    def __init__(
        self, model: nn.Module, *, compiled: bool = False, pause: Pause = nullcontext
    ) -> None:
        self.later = 0  # troubles after the first
        self._model, self._pause = model, pause  # the latter keeps the recorder's own hooks still
        self._keeper = Keeper(model, compiled=compiled)
        self._last_rows = LastRows()
        self._sentinels: list[Tensor] = []
        self._rest = self._skips = self._skipped = 0  # the last is a step
        self._told = self._is_placed = self._told_overflow = False

    def before(self, step: int, *, scaled: bool = False) -> Report | None:
        """Gradients are complete and the weights have not moved.

        `scaled`: a GradScaler has found that they overflowed, and leaves the step out.
        """
        if scaled:
            return self._overflowed(step)
        return self._tell(step, "") if self._is_alarmed() else None

    def logged(self, step: int, name: str, value: float) -> Report | None:
        """A loss that is not finite; the weights may have moved since."""
        if math.isfinite(value) or "loss" not in name.lower():
            return None  # of other numbers some are infinite in good health: a perplexity, say
        return self._tell(step, f"{name} was logged as {value:g}")

    def rows(
        self, step: int, series_names: Sequence[str], reduced: Sequence[Reduced]
    ) -> Report | None:
        """A recorded step's rows; on an accelerator all there is to go by."""
        rows = self._last_rows.add(step, {series_names[r.series]: r for r in reduced})
        if step == self._skipped:  # what a scaler leaves out does no harm
            return None
        found = judged_rows(step, self._model, rows)
        if found is None:
            return None
        if self._is_late() and self._is_placed:
            return None  # but a loss that was only logged has told no place
        self._told = True
        scene = self._scene(step, found.summary)
        played = replays(scene)
        return self._full(close_look(scene, played) if played else found)

    def exception(self, step: int, error: BaseException) -> Report | None:
        """It has ended the training."""
        if isinstance(error, NonFiniteError) or self._is_late():
            return None
        self._told = True
        return self._full(raised(step, self._model, error, self._keeper))

    def finish(self) -> None:
        """The step has ended."""
        self._keeper.clear()

    def forgo_replays(self) -> None:
        """The model will be compiled: its calls cannot be kept."""
        self._keeper.leave()

    def leave(self) -> None:
        """Detach."""
        self._keeper.leave()
        self._sentinels = []

    def _is_late(self) -> bool:
        self.later += self._told
        return self._told

    def _tell(self, step: int, noticed: str) -> Report | None:
        if self._is_late():
            return None
        self._told = True
        scene = self._scene(step, noticed)
        return self._full(close_look(scene, replays(scene)))

    def _scene(self, step: int, noticed: str) -> Scene:
        return Scene(step, self._model, self._keeper, self._apart, noticed, self._skips_until(step))

    @contextmanager
    def _apart(self) -> Iterator[None]:
        with self._keeper.still(), self._pause():
            yield

    def _full(self, report: Report) -> Report:
        if self._told:
            self._keeper.leave()  # no later one is played again
            self._is_placed = report.where != "unknown"
        last = self._last_rows
        arrays = {**report.arrays, **last.arrays()}
        return replace(report, recorded=last.steps, series=last.tensors, arrays=arrays)

    def _overflowed(self, step: int) -> Report | None:
        """Scales are lowered until gradients fit, so that it is no trouble unless it goes on."""
        if step == self._skipped:  # by another optimizer
            return None
        self._skips, self._skipped = self._skips_until(step - 1) + 1, step
        if self._told_overflow or self._told or self._skips not in (1, SKIPS):
            return None
        scene = self._scene(step, "")
        played = replays(scene)
        if any(one.origin or one.infinite for one in played):
            self._told = True
            return self._full(close_look(scene, played))
        if self._skips < SKIPS:
            return None
        self._told_overflow = True
        return self._full(scaled_too_far(scene, played))

    def _skips_until(self, step: int) -> int:
        """How many steps in a row, this one the last, were left out."""
        return self._skips if step == self._skipped else 0

    def _is_alarmed(self) -> bool:
        self._rest -= 1
        if self._rest < 0:
            return self._is_alarmed_anew()
        total = 0.0
        for parameter in self._sentinels:
            gradient = parameter.grad
            if gradient is None:
                return self._is_alarmed_anew()
            total += gradient.sum().item()
        return not math.isfinite(total) and any(_is_bad(p) for p in self._sentinels)

    def _is_alarmed_anew(self) -> bool:
        """Others have gradients in this step, or may have by now."""
        self._sentinels = self._choose()
        self._rest = REST if self._sentinels or not self._keeper.looks else 0
        return any(_is_bad(parameter) for parameter in self._sentinels)

    def _choose(self) -> list[Tensor]:
        """Of the first and of the last: what is lost on the way back reaches the former."""
        plain: list[Tensor] = [p for p in self._model.parameters() if _can_be_summed(p)]
        small = [p for p in plain if p.numel() <= SMALL] or plain[-1:]
        each = max(1, min(SENTINELS, len(small) // 2) // 2)
        return small if len(small) <= 2 * each else [*small[:each], *small[-each:]]


def _can_be_summed(parameter: Tensor) -> bool:
    gradient = parameter.grad
    return (
        gradient is not None
        and countable(dense(gradient))
        and not gradient.is_complex()
        and gradient.is_cpu
        and not hasattr(gradient, "to_local")
    )


def _is_bad(parameter: Tensor) -> bool:
    """A sum may overflow where no element does."""
    return parameter.grad is not None and tally(parameter.grad).bad > 0
