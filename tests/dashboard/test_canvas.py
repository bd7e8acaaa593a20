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


def test_a_cell_shows_it_without_a_network_and_offers_no_upload() -> None:
    figure = draw(make_flow())
    both = figure._repr_mimebundle_(include=None, exclude=None)
    assert both["application/vnd.plotly.v1+json"]["config"]["showSendToCloud"] is False
    assert "https://" not in both["text/html"]
    assert figure._repr_html_().startswith("<div")


def test_plotlys_own_display_is_out_of_the_way() -> None:
    assert Canvas()._ipython_display_ is None


def test_show_offers_no_upload_either(asked: dict[str, Any]) -> None:
    Canvas().show()
    assert asked["config"]["showSendToCloud"] is False


def test_ones_own_options_count(asked: dict[str, Any]) -> None:
    Canvas().show(renderer="png", config={"staticPlot": True})
    assert asked == {"renderer": "png", "config": {"staticPlot": True}}
