"""A Training made of a Subject: full-batch steps from the first snapshot, as the run made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnostics.run import Run
from diagnostics.subject import Subject
from diagnostics.subject.naming import named
from diagnostics.treatment.training import Training
from probes.folder import FathomError
from probes.program.objective import Whole

KNOWN: dict[str, Any] = {
    each.__name__: each
    for each in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop)
}


class Weights(nn.Module):
    """The parameters of a recorded program, each under its own name."""

    def __init__(self, parts: dict[str, Tensor]) -> None:
        super().__init__()
        self.names = tuple(parts)
        self.parts = nn.ParameterList(nn.Parameter(part.clone()) for part in parts.values())

    def forward(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.parts, strict=True))


def training_of(subject: Subject) -> Training:
    """With the optimizer's settings of the recording, as they were first."""
    folder = subject._folder
    if folder == Path():
        raise FathomError(
            "a Subject of a model in memory knows no optimizer; give a Training, or the Subject of "
            "a recorded run: Run(folder).subject()."
        )
    run, start = Run(folder), subject.snapshot(subject.snapshots[0])
    parts = named(start, subject.pieces, subject._dtypes)
    weights = Weights({name: part.detach() for name, part in parts.items()})
    held_out = None if subject.held_out is None else [_data(subject.held_out)]
    return Training(
        weights,
        _optimizer(run, weights),
        Whole(_loss),
        [_data(subject)],
        held_out,
        clip=_clip(run),
        steps=run.last_step,
    )


def _data(subject: Subject) -> dict[str, Any]:
    """A batch: as many rows as the subject has examples, and the subject to ask for their loss."""
    return {"rows": torch.arange(subject._batches.examples), "of": subject}


def _loss(weights: nn.Module, batch: Any) -> Tensor:
    subject, parts = batch["of"], weights()
    batches = subject._batches
    losses = [share * batches.loss(parts, part) for part, share in batches.shares()]
    return torch.stack(losses).sum()


def _optimizer(run: Run, weights: Weights) -> Optimizer:
    kinds = run.info.get("optimizers") or []
    kind = KNOWN.get(kinds[0]) if len(kinds) == 1 else None
    if kind is None:
        raise FathomError(
            f"'{run.path}' was trained by {', '.join(kinds) or 'no optimizer of torch'}, which no "
            f"trial can repeat (it can: {', '.join(KNOWN)}); give a Training."
        )
    settings: dict[str, Any] = {
        name: float(run.scalar(f"optimizer/0/{name}").values[0]) for name in _told(run)
    }
    if "beta1" in settings:
        settings["betas"] = settings.pop("beta1"), settings.pop("beta2")
    for switch in {"nesterov", "maximize"} & {*settings}:
        settings[switch] = bool(settings[switch])
    optimizer: Optimizer = kind(weights.parameters(), **settings)
    return optimizer


def _told(run: Run) -> list[str]:
    start = "optimizer/0/"
    return [name.removeprefix(start) for name in run.scalar_names if name.startswith(start)]


def _clip(run: Run) -> float | None:
    """The norm that gradients were cut to, where they were."""
    if "gradient_norm/after_clipping" not in run.scalar_names:
        return None
    after = run.scalar("gradient_norm/after_clipping").values
    return float(np.nanmax(after)) if np.isfinite(after).any() else None
