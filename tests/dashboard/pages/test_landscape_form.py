"""What is said of a computation, and the fields that are sent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from dashboard.app import build
from dashboard.jobs import Look
from dashboard.landscape_request import requested
from dashboard.markup import to_html
from dashboard.pages.landscape_form import _FIELDS, _among, _more, form, told
from diagnostics.run import Run
from probes import Recorder
from tests.dashboard.samples import HOSTILE, train


def test_progress_is_a_bar_and_words() -> None:
    shown = to_html(told(Look("digits", "running", "30 of 90 points, 4 s left", 30, 90, 2.0), "x"))
    assert 'value="30" max="90"' in shown
    assert "For digits: 30 of 90 points, 4 s left" in shown


def test_ends_are_told_apart() -> None:
    assert "Computed in 1 min 05 s" in to_html(told(Look("a", "done", "", 0, 0, 65), "a"))
    assert "goes on where it was" in to_html(told(Look("a", "cancelled", "", 0, 0, 1), "a"))
    failed = to_html(told(Look("a", "failed", HOSTILE, 0, 0, 1), "a"))
    assert "notice" in failed
    assert "<img" not in failed
    assert "without saying why" in to_html(told(Look("a", "failed", "", 0, 0, 1), "a"))


def test_the_form_as_it_opens_can_be_sent() -> None:
    fields = {
        part.id.removeprefix("ask-"): getattr(part, "value", None)
        for part in form()._traverse()
        if str(getattr(part, "id", "")).startswith("ask-")
    }
    assert set(fields) == set(_FIELDS)
    request = requested(fields | {"step": 5}, (5,), held_out=False)
    assert (request.resolution, request.also) == (51, ())


def recorded(folder: Path, **data: Any) -> Run:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss = torch.nn.functional.cross_entropy
    with Recorder(model, optimizer, folder, loss=loss, batch=batch(4), **data):
        optimizer.step()
    return Run(folder)


def batch(examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(examples, 3), torch.arange(examples) % 2


def test_held_out_data_are_offered_where_the_recording_has_them(tmp_path: Path) -> None:
    both = recorded(tmp_path / "both", held_out=batch(6))
    options, ticked = _more(both, ["held-out", "classes"])
    assert [each["value"] for each in options] == ticked == ["held-out", "classes"]
    options, ticked = _more(recorded(tmp_path / "one"), ["held-out"])  # ticked for another run
    assert ([each["value"] for each in options], ticked) == (["classes"], [])


def test_a_step_is_kept_where_the_run_has_it() -> None:
    assert [_among(step, (0, 10), 10) for step in (0, 7, None, "0")] == [0, 10, 10, 10]


class Page:
    """A browser's end of the callback that starts, cancels and reports."""

    def __init__(self, root: Path) -> None:
        self._client = build(root).server.test_client()

    def ask(self, *causes: str, idle: bool = True, **asked: Any) -> str:
        """What it answers, as text; nothing, if what is shown stays."""
        fields = {f"ask-{name}": asked.get(name) for name in _FIELDS}
        outputs = [("job", "children"), ("compute", "hidden"), ("cancel", "hidden")]
        inputs = {"tick.n_intervals": 3, "compute.n_clicks": 1, "cancel.n_clicks": None}
        inputs["cursor.data"] = {"run": "run"}
        state = {"cancel.hidden": idle} | {f"{name}.value": each for name, each in fields.items()}
        body = {
            "output": "..{}..".format("...".join(map(".".join, outputs))),
            "outputs": [{"id": part, "property": of} for part, of in outputs],
            "inputs": list(map(_sent, inputs.items())),
            "state": list(map(_sent, state.items())),
            "changedPropIds": list(causes),
        }
        return str(self._client.post("/_dash-update-component", json=body).get_data(as_text=True))


def _sent(item: tuple[str, Any]) -> dict[str, Any]:
    part, _, of = item[0].partition(".")
    return {"id": part, "property": of, "value": item[1]}


def test_a_click_is_not_lost_when_a_tick_comes_with_it(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=3)
    page = Page(tmp_path)
    both = page.ask("tick.n_intervals", "compute.n_clicks", along="sideways")
    assert "no directions 'sideways'" in both
    assert both == page.ask("compute.n_clicks", along="sideways")
    assert page.ask("tick.n_intervals") == ""  # nothing was ever computed


def test_a_tick_leaves_what_was_said_last(tmp_path: Path) -> None:
    page = Page(tmp_path)
    path = recorded(tmp_path / "run").path
    (path / "program.json").write_text("{}")  # so that it fails as soon as it begins
    asked = {"along": "random", "axes": "line", "step": 1, "seed": 0, "resolution": 15}
    page.ask("compute.n_clicks", **asked, statistics="running", also=[])
    deadline = time.monotonic() + 60
    while "progress" in (told := page.ask("tick.n_intervals", idle=False)) or "hint" in told:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "notice" in told
    assert page.ask("tick.n_intervals") == ""
    assert page.ask("cursor.data") == told  # a page opened later is told, too
