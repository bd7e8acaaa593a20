"""The bundles are of the version that plotly speaks, and know every trace that is drawn."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs_version

from dashboard.bundle import FLAT, WHOLE, Bundle, bundle_for, file_name, path, script, types
from dashboard.theme import CONFIG

ROOT = Path(__file__).parents[2]
BUNDLES: tuple[Bundle, ...] = ("flat", "whole")
TRACES = {name.removeprefix("add_") for name in dir(Figure) if name.startswith("add_")}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_it_is_the_version_of_plotly(bundle: Bundle) -> None:
    assert f"plotly.js v{get_plotlyjs_version()}," in script(bundle)[:200]
    assert f'version="{get_plotlyjs_version()}"' in script(bundle)


def test_it_is_built_of_that_version() -> None:
    package = json.loads((ROOT / ".ci/plotly/package.json").read_text())
    assert package["devDependencies"]["plotly.js"] == get_plotlyjs_version()


@pytest.mark.parametrize(("bundle", "known"), [("flat", FLAT), ("whole", WHOLE)])
def test_it_holds_the_traces_that_it_says(bundle: Bundle, known: frozenset[str]) -> None:
    written = script(bundle)
    registered = set(re.findall(r'moduleType:"trace",name:"(\w+)"', written))
    assert registered == known


def test_every_trace_of_a_drawing_is_in_a_bundle() -> None:
    drawn = {word for file in (ROOT / "dashboard").rglob("*.py") for word in _types(file)}
    assert {"scatter", "heatmap", "surface"} <= drawn  # the search finds something
    assert drawn <= WHOLE


@pytest.mark.parametrize("bundle", BUNDLES)
def test_it_may_stand_in_a_page(bundle: Bundle) -> None:
    written = script(bundle).lower()
    assert "</script" not in written
    assert "<!--" not in written


def test_a_licence_goes_with_it() -> None:
    for bundle in BUNDLES:
        assert "Permission is hereby granted, free of charge" in script(bundle)[:3000]
        assert "@plotly/d3" in script(bundle)[:3000]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_no_button_sends_data_away(bundle: Bundle) -> None:
    assert "cloud.plotly.com" not in script(bundle)
    assert "cdn.plot.ly" not in script(bundle)
    assert CONFIG["showSendToCloud"] is False
    assert not {"plotlyServerURL", "showEditInChartStudio"} & set(CONFIG)


def test_the_smaller_one_is_enough_for_the_plane() -> None:
    plane = {"data": [{"type": "heatmap"}, {"y": [1]}]}  # without a type: a scatter
    space = {"data": [{"type": "heatmap"}, {"type": "surface"}]}
    assert types(plane) == {"heatmap", "scatter"}
    assert bundle_for([]) == bundle_for([plane]) == "flat"
    assert bundle_for([plane, space]) == "whole"
    assert path("whole").stat().st_size > path("flat").stat().st_size > 500_000
    assert path("flat").name == file_name("flat") == "plotly-flat.min.js"


def _types(file: Path) -> set[str]:
    """Types of traces that the module names, as it would in a trace: "type": "heatmap"."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {_text(value) for key, value in pairs if key and _text(key) == "type"}
    return found & TRACES


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""
