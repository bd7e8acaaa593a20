"""`fathom analyse early-stopping`: what is learnt at the best step, and what the later ones fit."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add

if TYPE_CHECKING:
    from diagnostics.early_stopping import EarlyStopping

MOST_ROWS = 16


def add_early_stopping(add: Add) -> None:
    told = "which frequencies are learnt at the best step, and what the steps after it fit"
    parser = add("early-stopping", told, "fathom analyse early-stopping runs/sines")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "--scalar",
        default="",
        metavar="NAME",
        help="the loss that the best step is told by (default: val_loss or the like, else that on "
        "the recorded held-out data)",
    )
    parser.add_argument(
        "--clean",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives the target without its noise (default: what stands clear of noise)",
    )
    parser.set_defaults(command=_early_stopping)


def _early_stopping(asked: argparse.Namespace) -> int:
    from diagnostics.active.early_stopping import early_stopping_key, early_stopping_of
    from diagnostics.run import Run

    found = early_stopping_of(Run(asked.run), scalar=asked.scalar, clean=asked.clean)
    _tell(found)
    print(f"stored as {early_stopping_key(found)}")
    return 0


def _tell(found: EarlyStopping) -> None:
    print(f"best step {found.best} of {found.steps[-1]}, by {found.by}")
    print(f"{found.modes:>14}{'at the best':>13}{'at the last':>13}")
    rows = zip(found.frequencies, found.kept, found.kept_last, strict=True)
    for place, kept, last in list(rows)[:MOST_ROWS]:
        print(f"{place:>14.6g}{_part(kept):>13}{_part(last):>13}")
    if math.isfinite(found.noise_at_best):
        shares = (
            f"{_part(found.noise_at_best)} at the best step, {_part(found.noise[-1])} at the last"
        )
        print(f"of the noise fitted: {shares} (clean is taken from {found.clean})")


def _part(share: float) -> str:
    return f"{share:.1%}" if math.isfinite(share) else "-"
