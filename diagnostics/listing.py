"""What a list of runs shows of one beyond its summary: its verdicts, kept in the run's folder.

runs/digits/listing.json    made by the examiner, for as long as the recording and the rules
                            stay what they were; whoever finds it reads no recording
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import diagnostics
from diagnostics.finding import SEVERITIES, Severity
from probes.folder import RunError, read_json, write_json

LISTING = "listing.json"


@dataclass(frozen=True)
class Told:
    """A finding in two words."""

    disease: str
    severity: Severity


@dataclass(frozen=True)
class Listing:
    """What the doctor said, worst cause first; and what an older summary does not hold."""

    stamp: str  # of the recording that was examined
    verdicts: tuple[Told, ...] = ()
    looked: int = 0  # rules that found nothing
    trouble: str = ""  # why there are none, where it could not be examined
    highlights: Mapping[str, Any] = field(default_factory=dict)


def stamp(summary: Mapping[str, Any]) -> str:
    """Of a recording as it is now; a copy of the folder keeps it."""
    return f"{summary.get('steps', 0)} {summary.get('state', '')} {summary.get('updated', 0.0)}"


def keep(folder: Path, listing: Listing) -> None:
    """A folder that may not be written to stays as it is."""
    with contextlib.suppress(OSError):
        write_json(folder / LISTING, {"rules": rules_version(), **asdict(listing)})


def read_listing(folder: Path, wanted: str) -> Listing | None:
    """What is kept, if it is of this stamp and by these rules."""
    try:
        told = read_json(folder / LISTING)
    except RunError:
        return None
    if told.get("rules") != rules_version() or told.get("stamp") != wanted:
        return None
    return as_listing(told)


def as_listing(told: Mapping[str, Any]) -> Listing | None:
    """From JSON; None where it makes no sense."""
    try:
        verdicts = tuple(Told(str(each["disease"]), each["severity"]) for each in told["verdicts"])
        if not all(each.severity in SEVERITIES for each in verdicts):
            return None
        known = {name: str(told[name]) for name in ("stamp", "trouble")}
        looked, highlights = int(told["looked"]), dict(told["highlights"])
    except (KeyError, TypeError, ValueError):
        return None
    return Listing(**known, verdicts=verdicts, looked=looked, highlights=highlights)


@cache
def rules_version() -> str:
    """Of all that a verdict may hang on."""
    room = Path(diagnostics.__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*room.rglob("*.py"), *room.rglob("*.toml")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
