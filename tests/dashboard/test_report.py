"""One file that holds everything and asks for nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard import report
from dashboard.panel import recorded_panels
from diagnostics.run import FathomError, Run
from tests.dashboard.samples import HOSTILE, train


def data_of(written: str) -> Any:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', written, re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_holds_verdicts_pictures_and_facts(runs: Path, tmp_path: Path) -> None:
    path = report(Run(runs / "sick"), tmp_path / "new" / "sick.html")
    written = path.read_text("utf-8")
    assert path == tmp_path / "new" / "sick.html"
    assert "Vanishing gradient" in written
    assert "Sequential" in written
    assert list(data_of(written)["figures"]) == [f"run-1-{p.name}" for p in recorded_panels()]
    assert [file.name for file in path.parent.iterdir()] == ["sick.html"]


def test_several_runs_share_one_library_and_a_table_of_contents(runs: Path, tmp_path: Path) -> None:
    both = [Run(runs / name) for name in ("sick", "healthy")]
    written = report(both, tmp_path / "both.html").read_text("utf-8")
    assert 'href="#run-2"' in written
    assert written.count("plotly.js v") == 1
    assert len(data_of(written)["figures"]) == 2 * len(recorded_panels())


def test_asks_nothing_of_the_network(runs: Path, tmp_path: Path) -> None:
    written = report(Run(runs / "sick"), tmp_path / "x.html").read_text("utf-8")
    assert "default-src 'none'" in written
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", written)
    assert data_of(written)["config"]["showSendToCloud"] is False


def test_a_broken_panel_is_shown_in_its_place(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object) -> object:
        raise ZeroDivisionError("<oops>")

    def refuses(_: object) -> object:
        raise FathomError("no series 'gradients'; record it")

    panel = next(panel for panel in recorded_panels() if panel.name == "gradient_flow")
    several = (replace(panel, name="a", analyse=breaks), replace(panel, name="b", analyse=refuses))
    monkeypatch.setitem(report.__globals__, "recorded_panels", lambda: (*several, panel))
    written = report(Run(runs / "sick"), tmp_path / "x.html").read_text("utf-8")
    assert "ZeroDivisionError: &lt;oops&gt;" in written
    assert "no series &#x27;gradients&#x27;; record it" in written
    assert list(data_of(written)["figures"]) == ["run-1-gradient_flow"]


def test_names_are_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "|").replace(".", ",")
    run = Run(train(tmp_path / name, "Sigmoid", steps=5, name=name))
    written = report(run, tmp_path / "x.html").read_text("utf-8")
    assert "<img" not in written.split("<script", 1)[0]
    assert "<img" not in json.dumps(data_of(written))


def test_what_is_missing_is_said(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "dropped", 7)
    run = Run(runs / "healthy")
    monkeypatch.setattr(Run, "passed_over", ("r0000-00000003.h5",))
    written = report(run, tmp_path / "x.html").read_text("utf-8")
    assert "7 rows could not be written" in written
    assert "r0000-00000003.h5" in written


def test_a_picture_opens_at_the_step_its_verdict_speaks_of(runs: Path, tmp_path: Path) -> None:
    figures = [
        data_of(path.read_text("utf-8"))["figures"]["run-1-gradient_flow"]
        for path in (report(Run(runs / name), tmp_path / name) for name in ("sick", "healthy"))
    ]
    sick, healthy = (figure["layout"]["sliders"][0] for figure in figures)
    assert sick["active"] == 0
    assert healthy["active"] == len(healthy["steps"]) - 1
