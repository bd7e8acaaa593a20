"""The folder is the registry, and `draw` finds the drawing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dashboard
from dashboard.panel import draw, panels
from tests.dashboard.samples import make_flow


def test_every_file_in_figures_is_a_panel_of_its_name() -> None:
    folder = Path(dashboard.__file__).parent / "figures"
    stems = sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert [panel.name for panel in panels()] == stems
    assert all(panel.title and panel.question.endswith("?") for panel in panels())


def test_draw_finds_the_drawing_by_the_results_class() -> None:
    assert draw(make_flow(), scheme="dark").data


def test_draw_refuses_what_no_panel_draws() -> None:
    with pytest.raises(TypeError, match=r"no drawing for a int .*gradient_flow"):
        draw(3)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import dashboard", "plotly dash numpy torch h5py"),
        ("import dashboard.cli", "plotly dash numpy torch h5py"),
        ("import dashboard.report, dashboard.panel as p; p.panels()", "dash torch"),
        ("import dashboard.app", "torch"),
    ],
)
def test_imports_stay_cheap(code: str, absent: str) -> None:
    check = f"{code}\nimport sys\nassert not set({absent.split()}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_report_is_a_function_whoever_imported_the_module_first() -> None:
    check = "import dashboard.report\nfrom dashboard import report\nassert callable(report)"
    subprocess.run([sys.executable, "-c", check], check=True)
