"""A picture brings along what draws it, and nothing in it can leave its script."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

import dashboard
from dashboard.figures.loss_landscape import draw as draw_landscape
from dashboard.notebook_picture import MIME, as_json, bundle, picture
from dashboard.panel import draw
from dashboard.theme import CONFIG
from tests.dashboard.around import make_landscape
from tests.dashboard.samples import make_flow

ASSETS = Path(dashboard.__file__).parent / "assets"


def data_of(html: str) -> dict[str, Any]:
    """What the script is called with."""
    found: dict[str, Any] = json.loads(
        html[html.rindex('({"place"') + 1 : html.rindex(");</script>")]
    )
    return found


@pytest.mark.parametrize(("view", "library"), [(None, "flat"), ("surface", "whole")])
def test_what_draws_it_comes_along(view: Any, library: str) -> None:
    options = {"view": view} if view else {}
    data = data_of(picture(draw_landscape(make_landscape(), **options)))
    assert data["library"] == library
    code = gzip.decompress(b64decode(data["packed"]))
    assert code == (ASSETS / f"plotly-{library}.min.js").read_bytes()


def test_a_picture_is_small_enough_to_keep() -> None:
    assert len(picture(draw(make_flow()))) < 700_000


def test_nothing_in_it_ends_the_script() -> None:
    figure = draw(make_flow())
    figure.update_layout(meta={"name": "</script><script>alert(1)</script>"})
    html = picture(figure)
    assert html.count("</script>") == 1
    assert data_of(html)["figure"]["layout"]["meta"]["name"] == (
        "</script><script>alert(1)</script>"
    )


def test_each_picture_has_a_place_of_its_own() -> None:
    figure = draw(make_flow())
    assert data_of(picture(figure))["place"] != data_of(picture(figure))["place"]


def test_who_draws_plotly_figures_by_himself_is_given_one() -> None:
    figure = draw(make_flow())
    both = bundle(figure)
    assert set(both) == {MIME, "text/html"}
    assert json.loads(json.dumps(both[MIME])) == both[MIME] == as_json(figure)
    assert both[MIME]["config"] == CONFIG
    assert both[MIME]["data"]
