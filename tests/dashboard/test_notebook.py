"""What a notebook shows: whole, harmless, without a network, and never an error."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from dashboard import notebook
from dashboard.panel import StoredPanel, panels
from diagnostics.doctor import Examination, examine
from diagnostics.finding import Finding
from diagnostics.gradient_flow import gradient_flow
from diagnostics.run import Run
from diagnostics.shown import Shown
from tests.dashboard.around import make_landscape
from tests.dashboard.samples import HOSTILE, make_finding, make_flow
from tests.diagnostics.written import written


def words(html: str) -> str:
    """The text of HTML, scripts left out."""
    bare = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", bare)).split())


def test_every_result_with_a_picture_shows_itself() -> None:
    for panel in panels():
        hints = get_type_hints(panel.analyse) if not isinstance(panel, StoredPanel) else {}
        kind = panel.stored.kind if isinstance(panel, StoredPanel) else hints["return"]
        assert issubclass(kind, Shown), f"class {kind.__name__}(Shown), so that notebooks show it"


@pytest.mark.parametrize("kind", [Run, Examination, Finding])
def test_so_do_runs_and_verdicts(kind: type) -> None:
    assert issubclass(kind, Shown)


def test_a_run_says_how_it_stands_and_what_can_be_done(runs: Path) -> None:
    run = Run(runs / "sick")
    told = words(run._repr_html_())
    assert told.startswith("sick finished Steps 30 ")
    loss = run.scalar("loss").values[-1]
    assert f"Last loss {loss:.3g}" in told
    assert "Sequential" in told
    assert "error Vanishing gradient : " in told
    assert f"!fathom serve {runs}" in told


def test_what_a_run_proposes_is_python(runs: Path) -> None:
    proposed = notebook._next(Run(runs / "sick")).splitlines()
    for line in proposed:
        if not line.startswith("!"):
            compile(line, "cell", "exec")


def test_a_run_without_findings_or_without_anything_says_so(runs: Path, tmp_path: Path) -> None:
    assert "No findings." in words(Run(runs / "healthy")._repr_html_())
    told = words(written(tmp_path)._repr_html_())
    assert "Series nothing yet" in told


def test_a_path_is_quoted_for_the_shell(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "sick", tmp_path / "my runs; rm" / "sick")
    told = words(Run(tmp_path / "my runs; rm" / "sick")._repr_html_())
    assert f"!fathom serve '{tmp_path}/my runs; rm'" in told


def test_an_examination_has_its_cards(runs: Path) -> None:
    told = words(examine(Run(runs / "sick"))._repr_html_())
    assert told.startswith("Examination of sick")
    assert "Remedy" in told
    assert "Looked and found nothing" in told


def test_a_finding_has_its_evidence() -> None:
    told = words(make_finding()._repr_html_())
    assert "Vanishing gradient" in told
    assert "below 0.7" in told


def test_a_result_has_its_question_picture_and_caption() -> None:
    flow = make_flow()
    html = flow._repr_html_()
    told = words(html)
    assert told.startswith("Gradient flow of sample Does the gradient reach the first layer?")
    assert "input at the top, output at the bottom" in told
    assert html.count("<script>") == 1


def test_a_result_has_its_numbers() -> None:
    assert "Numbers (" in words(make_landscape()._repr_html_())


def test_nothing_is_fetched_from_anywhere(runs: Path) -> None:
    run = Run(runs / "sick")
    for html in (run._repr_html_(), examine(run)._repr_html_(), gradient_flow(run)._repr_html_()):
        assert not re.search(r"(src|href)\s*=|https?://|url\(", html)


def test_names_are_text() -> None:
    finding = make_finding(layers=(HOSTILE,), symptom=HOSTILE)
    for html in (finding._repr_html_(), make_flow(layers=(HOSTILE,) * 6)._repr_html_()):
        assert "<img" not in html
        assert "<b style" not in html
    assert HOSTILE in words(finding._repr_html_()).replace("  ", " ")


def test_what_cannot_be_drawn_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("<no>")

    monkeypatch.setattr("dashboard.notebook_picture.picture", broken)
    told = make_flow()._repr_html_()
    assert "This part broke: ValueError: &lt;no&gt;" in told
    assert "GradientFlow" in told


@dataclass(frozen=True)
class Plain(Shown):
    size: Any
    name: str


def test_what_has_no_picture_shows_its_fields() -> None:
    told = words(Plain(np.zeros((3, 4), np.float32), "<b>" + "x" * 200)._repr_html_())
    assert told.startswith("Plain size array of 3x4, float32 name '<b>xxx")
    assert told.endswith("xxx…")
