"""The page puts a delta into its figure exactly as Python does, and plotly draws what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import dashboard
from dashboard.delta import delta
from dashboard.typed_arrays import packed, plain
from tests.dashboard.altered import pairs

ASSETS = Path(dashboard.__file__).parent / "assets"

APPLY = """([figure, changes]) => {
  const before = fathomDelta.decoded(figure);
  const kept = JSON.stringify(told(before));
  const after = fathomDelta.applied(figure, changes);
  const again = fathomDelta.applied(before, changes);
  return [told(after), told(again), kept === JSON.stringify(told(before))];
}"""
TOLD = """window.told = (value) => {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, told);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, told(each)]));
};"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Nothing but the scripts that are tried."""
    opened = browser.new_page()
    for script in ("plotly-flat.min.js", "delta.js"):
        opened.add_script_tag(path=ASSETS / script)
    opened.evaluate(TOLD)
    yield opened
    opened.close()


def told(value: Any) -> Any:
    """As the page tells it."""
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, (list, np.ndarray)):
        return [told(each) for each in value]
    if isinstance(value, np.generic):
        return told(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


def test_the_page_comes_to_the_same_figure(page: Page) -> None:
    tried = 0
    for old, new in pairs(80):
        changes = delta(old, new)
        if changes is None:
            continue
        tried += 1
        asked = json.loads(json.dumps([packed(plain(old)), changes], allow_nan=False))
        once, again, is_untouched = page.evaluate(APPLY, asked)
        assert once == again == told(plain(new))
        assert is_untouched
    assert tried > 15


def test_half_precision_is_read_to_the_last_bit(page: Page) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    read = page.evaluate("typed => told(fathomDelta.decoded(typed))", packed(every))
    assert read == told(every)


def test_what_is_not_touched_stays_the_same_object(page: Page) -> None:
    old = {"data": [{"x": np.arange(50), "y": np.arange(50)}, {"x": np.arange(99)}], "layout": {}}
    new = {"data": [old["data"][0] | {"y": np.arange(51)}, old["data"][1]], "layout": {}}  # type: ignore[index]
    script = """([figure, changes]) => {
      const before = fathomDelta.decoded(figure), after = fathomDelta.applied(before, changes);
      const [[one, other], [now, still]] = [before.data, after.data];
      return [one.x === now.x, one.y === now.y, other === still, one.y.length, now.y.length];
    }"""
    found = page.evaluate(script, [packed(plain(old)), delta(old, new)])
    assert found == [True, False, True, 50, 51]


def test_plotly_draws_what_a_delta_made(page: Page) -> None:
    cells = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float16).astype(np.float32)
    old, new = (
        {
            "data": [
                {"type": "heatmap", "z": cells[:, :many]},
                {"type": "scatter", "y": cells[0, :many]},
            ],
            "layout": {"width": 300, "height": 200},
        }
        for many in (15, 17)
    )
    script = """async ([figure, changes]) => {
      const place = document.body.appendChild(document.createElement("div"));
      const before = fathomDelta.decoded(figure);
      await Plotly.react(place, before.data, before.layout);
      const after = fathomDelta.applied(before, changes);
      await Plotly.react(place, after.data, after.layout);
      return told([place.calcdata[0][0].z, place.calcdata[1].map((point) => point.y)]);
    }"""
    heat, line = page.evaluate(script, [packed(plain(old)), delta(old, new)])
    assert heat == told(cells[:, :17])
    assert line == told(cells[0, :17])
