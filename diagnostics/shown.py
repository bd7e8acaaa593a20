"""What shows itself in a notebook: a run, a result, a verdict, each as the room that draws has it.

That room is named here and loaded only when a notebook asks. Whoever reads and reckons never
loads it, and nothing here knows what it draws.
"""

from __future__ import annotations

from importlib import import_module

DRAWN_BY = "dashboard.notebook"


class Shown:
    """As HTML where HTML is understood, as text elsewhere."""

    def _repr_html_(self) -> str:
        written: str = import_module(DRAWN_BY).html(self)
        return written
