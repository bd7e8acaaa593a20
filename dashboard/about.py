"""What a number around the weights was computed of, in one sentence under every figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.wording import count

if TYPE_CHECKING:
    from diagnostics.weight_space import About

_STATISTICS = {
    "running": "Batch norm uses its running statistics.",
    "batch": "Batch norm uses each batch's own statistics.",
    "re-estimated": "Batch norm's statistics are re-estimated at each point.",
}


def centre(about: About) -> str:
    """Which weights."""
    return f"step {about.step:,}" if about.step >= 0 else "the model in memory"


def label(about: About) -> str:
    """What tells a stored result from others of its run."""
    usual = about.statistics in ("none", "running")
    return centre(about) + ("" if usual else f", {about.statistics} statistics")


def conditions(about: About) -> str:
    """Data, precision and statistics: what the same weights would be judged differently by."""
    drawn = f", drawn from {about.population:,}" if about.population else ""
    inside = f" in {about.batches:,} batches" if about.batches > 1 else ""
    data = about.data or count(about.examples, "example")
    parts = [f"Data: {data}{drawn}{inside}.", f"Precision: {about.precision}."]
    return " ".join([*parts, _STATISTICS.get(about.statistics, "")]).strip()
