"""Slugs, numbers, steps and times in words: the same words in app, report and terminal."""

from __future__ import annotations

from diagnostics.slugs import in_words


def words(slug: str) -> str:
    """A slug as a heading: vanishing_gradient as Vanishing gradient."""
    return in_words(slug)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def count(many: int, noun: str) -> str:
    """A number and its noun."""
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def layers(names: tuple[str, ...], most: int = 6) -> str:
    """The first few layers, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def steps(span: tuple[int, int]) -> str:
    """First and last step."""
    first, last = span
    return f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"


def confidence(share: float) -> str:
    """A share as per cent."""
    return f"{share:.0%}"


def ago(seconds: float) -> str:
    """How long ago, in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0, round(seconds))} s ago"


def eigenvalue_name(rank: int) -> str:
    """The first is the largest."""
    return "λ" + str(rank).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def duration(seconds: float) -> str:
    """A span of time in its largest units."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
