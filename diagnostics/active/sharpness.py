"""Sharpness of a run at one snapshot, stored under its step."""

from __future__ import annotations

from diagnostics.active.wish import Wish, subject_of
from diagnostics.run import Run
from diagnostics.sharpness import Sharpness, sharpness
from diagnostics.store import check_writable, save
from diagnostics.weight_space import About


def sharpness_of(run: Run, wish: Wish, *, radius: float, noise: float, draws: int) -> Sharpness:
    """By every definition, at one snapshot."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    found = sharpness(subject, radius=radius, noise=noise, draws=draws)
    save(run.path, found, sharpness_key(found.about))
    return found


def sharpness_key(about: About) -> str:
    return f"step{about.step}_{about.statistics.replace('-', '')}"
