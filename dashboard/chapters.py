"""The chapters of what is known of a run: each a page of the app, and a part of the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """A name for addresses, a title for people, and the question its pictures answer."""

    name: str
    title: str
    question: str


CHAPTERS = (
    Chapter("overview", "Overview", "Is it well, and if not, what is wrong?"),
    Chapter("layers", "Layers", "What happens inside, layer by layer?"),
    Chapter("landscape", "Landscape & curvature", "What does the loss look like around here?"),
    Chapter("spectral", "Spectral bias", "What does it learn first, and what last?"),
    Chapter("uncertainty", "Uncertainty", "Can its answers be trusted?"),
    Chapter("generalisation", "Generalisation", "When should it have stopped?"),
)
