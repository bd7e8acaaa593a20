"""A figure offers no upload, wherever it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.canvas import Canvas
from dashboard.panel import draw
from tests.dashboard.samples import make_flow


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options with which plotly was asked to show a figure."""
    options: dict[str, Any] = {}
    monkeypatch.setattr("plotly.io.show", lambda _, **given: options.update(given))
    return options


def test_a_figure_is_never_offered_for_upload(asked: dict[str, Any]) -> None:
    draw(make_flow())._ipython_display_()
    assert asked["config"]["showSendToCloud"] is False


def test_show_offers_no_upload_either(asked: dict[str, Any]) -> None:
    Canvas().show()
    assert asked["config"]["showSendToCloud"] is False


def test_ones_own_options_count(asked: dict[str, Any]) -> None:
    Canvas().show(renderer="png", config={"staticPlot": True})
    assert asked == {"renderer": "png", "config": {"staticPlot": True}}
