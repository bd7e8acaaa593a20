"""Prints the page of all ways: `python -m tests.probes.ways > docs/every_way_of_training.md`."""

from __future__ import annotations

from itertools import groupby

from tests.probes.ways import WANTING, Way, ways

HEAD = """# Every way of training

Fathom is right under each of these, but for those that say "not yet". Every row is a real training
in `tests/probes/ways`, run three times from the same seed: bare, under plain hooks and clones that
take down the truth, and under a Recorder. Counts, means, deviations, extremes, norms, zeros and
non-finite values of every recorded tensor are compared with that truth at every step; losses,
weights and random state with those of the bare run, bit for bit. Where something cannot be seen
the recording goes on without it, and the log says so.

This page is made from the tests: `python -m tests.probes.ways > docs/every_way_of_training.md`.
"""


def page() -> str:
    """A table for each family."""
    return HEAD + "".join(
        f"\n## {family}\n\n| Way | What holds | What may be missing, if it is said |\n"
        "| --- | --- | --- |\n" + "".join(map(_row, members))
        for family, members in groupby(ways(), lambda way: way.family)
    )


def _row(way: Way) -> str:
    rows = ", ".join(f"`{pattern}`" for pattern in way.lacks)
    holds = f"Not yet: {WANTING[way.name]}" if way.name in WANTING else way.shows
    cells = (way.name, holds, rows.replace("`*:*`", "everything"))
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    print(page(), end="")
