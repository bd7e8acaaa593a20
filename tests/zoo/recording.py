"""Records a training of the zoo as a user would: a Recorder, and what was logged."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from probes import Recorder
from tests.zoo.core import CASES, Run, train


def recorded(
    name: str, folder: Path, seed: int = 0, *, told: bool = False, share: float = 1.0
) -> Path:
    """Train a case, to its end or a share of it; the run's folder.

    The Recorder may be told the loss and a batch.
    """
    path, case = folder / f"{name}-{seed}", CASES[name].build(seed)
    recorder: Recorder

    def start(run: Run) -> None:
        nonlocal recorder
        optimizers = list(run.optimizers) if len(run.optimizers) > 1 else run.optimizer
        recorder = Recorder(run.model, optimizers, path, **(_told(run) if told else {}))

    train(
        case,
        on_start=start,
        on_step=lambda run: recorder.log(loss=run.loss),
        on_eval=lambda run: recorder.log(val_loss=run.val_loss, val_metric=run.val_metric),
        on_end=lambda _run: recorder.close(),
        max_steps=max(1, math.ceil(share * case.steps)),
        eval_every=max(1, case.steps // 10),  # as in the whole run
    )
    return path


def _told(run: Run) -> dict[str, Any]:
    """The loss, and a batch that is read without drawing one."""
    if run.case.step_fn is not None:
        return {}
    loader = run.train_loader
    return {"loss": run.loss_fn, "batch": loader.at(slice(0, loader.batch_size))}
