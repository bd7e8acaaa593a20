"""What shows itself asks the room that draws, and only when it is asked itself."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

from diagnostics import shown
from diagnostics.shown import Shown


@dataclass(frozen=True)
class Thing(Shown):
    value: int


def test_the_room_that_draws_writes_the_html(monkeypatch: pytest.MonkeyPatch) -> None:
    room = types.SimpleNamespace(html=lambda thing: f"<b>{thing.value}</b>")
    monkeypatch.setitem(sys.modules, shown.DRAWN_BY, room)
    assert Thing(3)._repr_html_() == "<b>3</b>"


def test_as_text_it_is_what_it_was() -> None:
    assert repr(Thing(3)) == "Thing(value=3)"
    assert Thing(3) == Thing(3)


def test_reading_and_reckoning_never_load_the_room_that_draws() -> None:
    code = (
        "import sys\nfrom diagnostics import Run, examine\n"
        "from diagnostics.gradient_flow import gradient_flow\n"
        "from diagnostics.finding import Finding\nimport diagnostics.doctor\n"
        "assert hasattr(Run, '_repr_html_')\n"
        "assert not {'dashboard', 'plotly', 'IPython'} & {n.split('.')[0] for n in sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
