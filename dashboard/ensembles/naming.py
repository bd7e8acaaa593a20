"""What an ensemble, its spread, its errors and its distances are called, wherever they are told."""

from __future__ import annotations

from diagnostics.ensemble import Ensemble, Kind

KINDS: dict[Kind, str] = {
    "runs": "deep ensemble",
    "snapshots": "snapshot ensemble",
    "predictions": "ensemble",
}


def spread_name(of: Ensemble) -> str:
    """As a dropout ensemble's is named, so that the two are told apart and compare."""
    return f"{KINDS[of.kind].replace(' ', '-')} spread"


def error_name(of: Ensemble) -> str:
    """Summed over a prediction's outputs; of probabilities that is Brier's score."""
    return "Brier score" if of.uncertainty.reading.classes else "squared error"


def distance_name(of: Ensemble) -> str:
    classes = of.uncertainty.reading.classes
    return "examples of unlike class" if classes else "root mean square distance"
