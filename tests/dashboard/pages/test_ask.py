"""The page's end of a computation: started, refused, told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from dashboard.app import build
from diagnostics.run import Run
from probes import Recorder
from tests.dashboard.samples import train


def recorded(folder: Path) -> Run:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batch = torch.randn(4, 3), torch.arange(4) % 2
    loss = torch.nn.functional.cross_entropy
    with Recorder(model, optimizer, folder, loss=loss, batch=batch):
        optimizer.step()
    return Run(folder)


class Page:
    """A browser's end of the callback that starts, cancels and reports."""

    def __init__(self, root: Path) -> None:
        self._client = build(root).server.test_client()

    def ask(self, *causes: str, idle: bool = True, ask: str = "landscape", **asked: Any) -> str:
        """What it answers, as text; nothing, if what is shown stays."""
        outputs = [("job", "children"), ("compute", "hidden"), ("cancel", "hidden")]
        inputs = {"ask-tick.data": 3, "compute.n_clicks": 1, "cancel.n_clicks": None}
        inputs["ask-cursor.data"] = {"run": "run"}
        state = {"cancel.hidden": idle, "ask-address.data": {"page": "ask", "ask": ask}}
        answers = [
            {"id": {"ask": name}, "property": "value", "value": value}
            for name, value in asked.items()
        ]
        body = {
            "output": "..{}..".format("...".join(map(".".join, outputs))),
            "outputs": [{"id": part, "property": of} for part, of in outputs],
            "inputs": list(map(_sent, inputs.items())),
            "state": [*map(_sent, state.items()), answers],
            "changedPropIds": list(causes),
        }
        return str(self._client.post("/_dash-update-component", json=body).get_data(as_text=True))


def _sent(item: tuple[str, Any]) -> dict[str, Any]:
    part, _, of = item[0].partition(".")
    return {"id": part, "property": of, "value": item[1]}


def test_a_click_is_not_lost_when_a_tick_comes_with_it(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=3)
    page = Page(tmp_path)
    both = page.ask("ask-tick.data", "compute.n_clicks", along="sideways")
    assert "no along 'sideways'" in both
    assert both == page.ask("compute.n_clicks", along="sideways")
    assert page.ask("ask-tick.data") == ""  # nothing was ever computed


def test_there_is_nothing_to_ask_by_another_name(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=3)
    assert "no analysis 'serve'" in Page(tmp_path).ask("compute.n_clicks", ask="serve")


def test_a_tick_leaves_what_was_said_last(tmp_path: Path) -> None:
    page = Page(tmp_path)
    path = recorded(tmp_path / "run").path
    (path / "program.json").write_text("{}")  # so that it fails as soon as it begins
    page.ask("compute.n_clicks", line=["yes"], resolution=15)
    deadline = time.monotonic() + 60
    while "progress" in (told := page.ask("ask-tick.data", idle=False)) or "hint" in told:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "notice" in told
    assert page.ask("ask-tick.data") == ""
    assert page.ask("ask-cursor.data") == told  # a page opened later is told, too
