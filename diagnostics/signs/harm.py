"""Whether a training goes badly enough for something unusual in it to be called a disease."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.signs.remembered import remembered

MUCH = 0.3  # of the loss: healthy trainings that this is asked of leave less
LITTLE = 0.03  # of the training loss: that much of it is learnt


@dataclass(frozen=True)
class Harm:
    """The share of the loss that is left; NaN where it cannot be told."""

    training: float
    validation: float
    lost: bool  # not finite at the end, or far above where it began
    is_game: bool = False  # players against one another: no loss of theirs need fall

    @property
    def left(self) -> float:
        """The worse of the two."""
        known = [x for x in (self.training, self.validation) if math.isfinite(x)]
        return max(known, default=math.nan)

    @property
    def is_known(self) -> bool:
        return self.lost or math.isfinite(self.left)

    @property
    def is_fine(self) -> bool:
        """As far as it can be told; of a game that goes on it never can."""
        return not self.is_harm and (self.is_known or self.is_game)

    @property
    def is_harm(self) -> bool:
        """What has learnt all of its own data may fail on others', but for another reason."""
        return self.lost or (self.left > MUCH and not self.training < LITTLE)


@remembered
def harm(run: Run) -> Harm:
    """From the training loss and, where it was logged, from the validation's."""
    told = learning(run)
    if told is None:
        return Harm(math.nan, _validation(run, math.nan), lost=False)
    if optimizers(run) > 1:
        return Harm(math.nan, math.nan, lost=not told.finite, is_game=True)
    return Harm(told.left, _validation(run, told.chance), told.is_lost)


def optimizers(run: Run) -> int:
    """How many of them train this model; "optimizer/1.0/lr" is of the second one."""
    groups = {n.split("/")[1] for n in run.scalar_names if n.startswith("optimizer/")}
    return len({group.partition(".")[0] for group in groups if "." in group}) or int(bool(groups))


def _validation(run: Run, chance: float) -> float:
    """What is left of the validation loss, of what it was at first or costs by chance."""
    held_out = losses(run).validation
    values = np.empty(0) if held_out is None else held_out.values
    if len(values) < 2 or not np.isfinite(values).all() or values.min() <= 0:
        return math.nan
    start = min(values[0], chance) if chance > 0 else values[0]
    return float(np.median(values[-3:]) / start)
