"""What befalls a step: gradients are clipped, a scaler leaves it out, numbers stop being finite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer

from probes.black_box import BlackBox, NonFiniteError
from probes.clipping import Clipping
from probes.first_bad import Report
from probes.loss_scale import LossScales
from probes.outbox import Outbox
from probes.pace import Pace
from probes.troubles import Troubles
from probes.unfolding import Reduced
from probes.watch import Training, Watch

SKIPPED = "float16 gradients overflowed: the GradScaler left out this step"


@dataclass(frozen=True)
class Account:
    """At which step they are told of, and where: in the recording, and to the user."""

    pace: Pace
    outbox: Outbox
    troubles: Troubles
    series: Sequence[str]  # the names of what rows come of, by number


class Incidents:
    """Hears of them while a recorder is attached, and tells them."""

    def __init__(
        self, training: Training, watch: Watch, scales: LossScales, to: Account, *, raises: bool
    ) -> None:
        """`raises`: a NaN or infinity stops training before the weights are spoilt."""
        self._scales, self._raises = scales, raises
        self._pace, self._outbox, self._troubles = to.pace, to.outbox, to.troubles
        self._series = to.series
        self._box = BlackBox(training.model, compiled=training.compiled, pause=watch.standing_still)
        watch.tell_when_compiled(self._box.forgo_replays)
        self._outbox.doubt, self._outbox.delivered = self._doubt, self._rows
        self._clipping = Clipping(training.model.parameters(), self._clipped)

    def before(self, optimizer: Optimizer | None) -> None:
        """Gradients are there and the weights have not moved: is anything not finite?"""
        left_out = self._scales.overflowed(optimizer)
        try:
            report = self._box.before(self._pace.step, scaled=left_out)
            if report is None:
                return
            self._report(report)
        except Exception as error:  # the step is recorded none the less
            self._troubles.failed("the black box", error)
            return
        if self._raises and not left_out:
            raise NonFiniteError(report.summary)

    def after(self, optimizer: Optimizer | None) -> None:
        """A fused optimizer runs when the gradients overflowed, and changes nothing."""
        overflowed = getattr(optimizer, "found_inf", None)
        if overflowed is not None:
            tell = partial(self._tell_if_skipped, self._pace.step)
            self._outbox.pending.add(overflowed.reshape(1).clone(), tell)

    def _tell_if_skipped(self, step: int, overflowed: Any) -> None:
        if overflowed.any():
            self._outbox.event(step, "skipped", SKIPPED)

    def skipped(self) -> None:
        """The optimizer was not even asked to step."""
        self._outbox.event(self._pace.step, "skipped", SKIPPED)

    def finish(self) -> None:
        """The step has ended."""
        self._box.finish()

    def exception(self, error: BaseException) -> None:
        """It ends the training."""
        self._report(self._box.exception(self._pace.step + 1, error))
        self._outbox.event(self._pace.step, "exception", f"{type(error).__name__}: {error}")

    def leave(self) -> None:
        """Detach."""
        self._clipping.leave()
        self._box.leave()

    def _doubt(self, step: int, name: str, value: float) -> None:
        """A value that was logged is not finite."""
        self._report(self._box.logged(step, name, value))

    def _rows(self, step: int, rows: list[Reduced]) -> None:
        """A record has come to the host."""
        self._report(self._box.rows(step, self._series, rows))

    def _report(self, report: Report | None) -> None:
        """What the black box has found goes into the recording."""
        if report is None:
            return
        step = min(report.step, self._pace.step)
        self._outbox.event(step, "black_box", report.to_json())
        for name, (values, about) in report.arrays.items():
            self._outbox.array(name, values, about, step, time.time())
        if report.where != "exception":  # its traceback is told anyway
            self._troubles.say("black box", report.summary)

    def _clipped(self, norm: torch.Tensor, allowed: float) -> None:
        """Gradients of the step under way are being clipped."""
        if not self._pace.next:
            return
        step, now = self._pace.under_way, time.time()
        after = norm * (allowed / (norm + 1e-6)).clamp(max=1)  # as torch does it
        try:
            self._outbox.scalar("gradient_norm/before_clipping", norm, step, now)
            self._outbox.scalar("gradient_norm/after_clipping", after, step, now)
        except Exception as error:
            self._troubles.failed("recording a clipping", error)
