"""The page says what is known before any script of it has run."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.app import build
from dashboard.examined import Examined
from dashboard.first_sight import first_sight
from dashboard.open_runs import OpenRuns
from tests.dashboard.samples import HOSTILE, train


@pytest.fixture
def known(runs: Path) -> tuple[OpenRuns, Examined]:
    return OpenRuns(runs), Examined()


def test_the_loss_is_there_at_once_and_the_verdicts_as_soon_as_they_are_known(
    known: tuple[OpenRuns, Examined],
) -> None:
    opened, examined = known
    before = first_sight(opened, examined, {"run": "sick"})
    assert "<path" in before
    assert "Examining" in before
    examined.of(opened.kept("sick").path)
    after = first_sight(opened, examined, {"run": "sick", "page": "overview"})
    assert "Vanishing gradient" in after
    assert "loss: from " in after


@pytest.mark.parametrize("query", [{"page": "layers"}, {"run": "nothing"}, {"run": "../sick"}])
def test_elsewhere_it_is_silent(known: tuple[OpenRuns, Examined], query: dict[str, str]) -> None:
    assert first_sight(*known, query) == ""


def test_it_stands_in_the_page_and_names_are_text(tmp_path: Path) -> None:
    name = "a {%scripts%} <b>"
    train(tmp_path / name, steps=3, name=HOSTILE.replace(".", ","))
    page = build(tmp_path).server.test_client().get("/").text
    assert 'id="first-sight"' in page
    assert "a {&#37;scripts%} &lt;b&gt;" in page
    assert page.count("<footer>") == 1
