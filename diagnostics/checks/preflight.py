"""preflight(model, loss, batch): every check in turn, within its time, and nothing disturbed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.kept import autocast_uncached, randomness_kept
from diagnostics.checks.questions import CHECKS
from diagnostics.checks.setup import Setup, optimizers_of, pair_of
from diagnostics.flight import Check, Preflight, outcome_of
from probes.folder import FathomError
from probes.program.objective import Loss

Told = Callable[[int, int], None]  # done, of how many


def preflight(  # noqa: PLR0913  (all but three are keywords)
    model: nn.Module,
    loss: Loss,
    batch: Any,
    *,
    optimizer: Any = None,
    batches: Sequence[Any] | None = None,
    seconds: float = 30.0,
    progress: Told | None = None,
) -> Preflight:
    """Before the hours: what can be known of a training before its first step.

    `loss` and `batch` are as for the Recorder; `optimizer` may be several; `batches` are some more,
    in the order in which the loader gives them. Model, optimizer and random numbers are left as
    they were.
    """
    if seconds <= 0:
        raise FathomError(f"seconds={seconds}: give how long the checks may take, such as 30.")
    setup = Setup(model, loss, batch, optimizers_of(optimizer), tuple(batches or ()), seconds)
    pair_of(loss, batch)
    checks = []
    with (
        randomness_kept(),
        autocast_uncached(),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        for done, (name, check) in enumerate(CHECKS.items()):
            if progress is not None:
                progress(done, len(CHECKS))
            checks.append(_asked(name, check, setup))
    if progress is not None:
        progress(len(CHECKS), len(CHECKS))
    return Preflight(_described(model), tuple(checks), time.monotonic() - setup.begun)


def _asked(name: str, check: Callable[[Setup], Answer], setup: Setup) -> Check:
    """One check that cannot be asked, or breaks, never takes the others with it."""
    begun = time.monotonic()
    try:
        if not setup.left:
            raise CannotAsk(f"the time is up (seconds={setup.seconds:g})")  # noqa: TRY301
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's code, which it will give in training
            answer = check(setup)
    except CannotAsk as reason:
        return Check(name, "skipped", f"not asked, because {reason}", (), _since(begun))
    except Exception as error:  # whatever the user's model and loss may raise
        told = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
        return Check(name, "skipped", f"could not be checked, because of {told}", (), _since(begun))
    outcome = outcome_of(answer.findings)
    return Check(name, outcome, answer.told, answer.numbers, _since(begun), answer.findings)


def _since(begun: float) -> float:
    return time.monotonic() - begun


def _described(model: nn.Module) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    return f"{type(model).__name__}, {count:,} parameters"
