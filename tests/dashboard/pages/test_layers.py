"""The page holds every panel of its chapter, the chosen layer first; signs are of this very run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dash.exceptions import PreventUpdate

from dashboard.examined import Examined
from dashboard.open_runs import OpenRuns
from dashboard.pages.layers import FIRST, if_new, layout, signs
from dashboard.panel import recorded_panels
from probes.folder import RunError


def ids(part: Any) -> list[str]:
    inside = part.children if hasattr(part, "children") else None
    several = inside if isinstance(inside, list) else [inside] if inside is not None else []
    own = [part.id] if getattr(part, "id", None) else []
    return own + [found for child in several for found in ids(child)]


def test_every_panel_of_the_chapter_the_chosen_layer_first() -> None:
    found = [each for part in layout() for each in ids(part)]
    panels = [panel.name for panel in recorded_panels() if panel.chapter == "layers"]
    shown = [each for each in found if each in panels]
    assert sorted(shown) == sorted(panels)
    assert shown[0] == FIRST
    assert {"layers-tree", "layers-note", "layers-cursor"} <= set(found)
    assert len(found) == len(set(found))


def test_signs_of_a_sick_run(runs: Path) -> None:
    opened = OpenRuns(runs)
    found = signs(opened.kept("sick"), opened, Examined())
    assert "sign error" in found["linear0"]
    assert signs(opened.kept("healthy"), opened, Examined()).get("linear0", "") == ""


def test_a_broken_examination_leaves_the_tree_without_verdicts(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, examined = OpenRuns(runs), Examined()

    def broken(_: object) -> None:
        raise RunError("no")

    monkeypatch.setattr(examined, "of", broken)
    assert signs(opened.kept("sick"), opened, examined) == {}


def test_what_the_browser_has_is_not_sent_again() -> None:
    told, version = if_new({"tree": "<ul></ul>"}, None)
    assert told == {"tree": "<ul></ul>"}
    with pytest.raises(PreventUpdate):
        if_new({"tree": "<ul></ul>"}, version)
    assert if_new({"tree": "<ul>1</ul>"}, version)[0] == {"tree": "<ul>1</ul>"}
