"""`fathom preflight`: what can be known of a training before its first step."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dashboard.analyse.options import Add
from dashboard.analyse.progress import progress
from dashboard.text import jsonable
from diagnostics.finding import SEVERITIES
from diagnostics.run import FathomError

if TYPE_CHECKING:
    from diagnostics.flight import Preflight

PARTS = ("model", "loss", "batch", "optimizer", "batches")


def add_preflight(add: Add) -> None:
    told = "thirty seconds before the hours: checks a model, its loss, a batch, and the optimizer"
    preflight = add("preflight", told, "fathom preflight --subject training:make_parts")
    preflight.add_argument(
        "--subject",
        required=True,
        metavar="MODULE:FUNCTION",
        help="gives model, loss and batch, and if you like optimizer and further batches: as a "
        "tuple in this order, or as a dict of these names",
    )
    preflight.add_argument(
        "--seconds", type=_seconds, default=30.0, help="for all checks together (default: 30)"
    )
    preflight.add_argument("--json", action="store_true", help="for machines")
    preflight.add_argument(
        "--fail-on",
        choices=SEVERITIES[::-1],
        default="warning",
        help="exit with 1 only for findings at least this severe (default: warning)",
    )
    preflight.set_defaults(command=_preflight)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} seconds leave no time to check; give above 0")
    return value


def _preflight(asked: argparse.Namespace) -> int:
    from dashboard.preflight_text import preflight_text
    from diagnostics.checks import preflight

    parts = parts_of(asked.subject)
    with progress("checks") as told:
        flight = preflight(**parts, seconds=asked.seconds, progress=told)
    if asked.json:
        print(json.dumps(preflight_data(flight), indent=2, allow_nan=False))
    else:
        print(preflight_text(flight))
    serious = SEVERITIES[: SEVERITIES.index(asked.fail_on) + 1]
    found = (*flight.findings, *flight.hints)
    return int(any(finding.severity in serious for finding in found))


def parts_of(place: str) -> dict[str, Any]:
    """What the user's function gives, by name."""
    from diagnostics.factory import made_by

    made = made_by(place)
    if isinstance(made, tuple) and 3 <= len(made) <= len(PARTS):
        return dict(zip(PARTS, made, strict=False))
    if not isinstance(made, dict):
        raise FathomError(
            f"'{place}' gives a {type(made).__name__}; let it return model, loss and batch, then "
            "optimizer and batches if you like, as a tuple or as a dict of these names."
        )
    missing = [name for name in PARTS[:3] if name not in made]
    strange = [str(name) for name in made if name not in PARTS]
    if missing or strange:
        wrong = f"lacks '{missing[0]}'" if missing else f"has '{strange[0]}'"
        raise FathomError(
            f"what '{place}' gives {wrong}; its names are model, loss, batch, optimizer, batches."
        )
    return made


def preflight_data(flight: Preflight) -> dict[str, Any]:
    """For machines: the checks with their numbers, and the findings worst first."""
    return {
        "model": flight.model,
        "seconds": flight.seconds,
        "checks": [
            jsonable({**asdict(check), "findings": [f.disease for f in check.findings]})
            for check in flight.checks
        ],
        "findings": [jsonable(asdict(finding)) for finding in flight.findings],
        "hints": [jsonable(asdict(finding)) for finding in flight.hints],
    }
