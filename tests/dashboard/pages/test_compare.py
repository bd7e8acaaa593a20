"""The page of a comparison: its places, and what its callbacks answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash
from dash.development.base_component import Component

from dashboard.examined import Examined
from dashboard.open_runs import OpenRuns
from dashboard.pages import compare
from tests.twins import folder, twin


def ids(parts: Any) -> Iterator[str]:
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, Component):
            yield getattr(part, "id", "")
            yield from ids(getattr(part, "children", None))


@pytest.fixture(scope="module")
def app() -> Dash:
    for name in ("base", "again", "poked"):
        twin(name)
    built = Dash(__name__, suppress_callback_exceptions=True)
    built.layout = compare.layout()
    compare.register(built, OpenRuns(folder()), Examined())
    return built


def ask(app: Dash, output: str, inputs: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
    """What the server answers a browser."""
    told = app.callback_map[output]
    names = output.strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    body = {
        "output": output,
        "outputs": outputs if output.startswith("..") else outputs[0],
        "inputs": [{**each, "value": inputs.get(each["id"])} for each in told["inputs"]],
        "state": [{**each, "value": (state or {}).get(each["id"])} for each in told["state"]],
        "changedPropIds": [],
    }
    answer = app.server.test_client().post("/_dash-update-component", json=body)
    return json.loads(answer.data)["response"] if answer.status_code == 200 else None


def followed(app: Dash, *names: str, before: Any = None) -> Any:
    address = {"page": "compare", "run": names[0] if names else "", "with": list(names[1:])}
    output = next(name for name in app.callback_map if "compare-state" in name)
    return ask(app, output, {"compare-address": address}, {"compare-state": before})


def test_every_place_that_a_callback_speaks_of_is_on_the_page(app: Dash) -> None:
    there = set(ids(app.layout if isinstance(app.layout, list) else [app.layout]))
    spoken = {
        part.rsplit(".", 1)[0] for key in app.callback_map for part in key.strip(".").split("...")
    }
    asked = {each["id"] for told in app.callback_map.values() for each in told["inputs"]}
    assert (spoken | asked) - there == set()


def test_two_runs_are_followed_until_nothing_is_new(app: Dash) -> None:
    answer = followed(app, "base", "poked")
    state = answer["compare-state"]["data"]
    assert [name for name, _ in state["runs"]] == ["base", "poked"]
    assert answer["compare-body"]["hidden"] is False
    assert followed(app, "base", "poked", before=state) is None  # 204: the page stays as it is


def test_one_run_alone_is_asked_for_a_second(app: Dash) -> None:
    answer = followed(app, "base")
    assert answer["compare-body"]["hidden"] is True
    assert "Add a second run" in json.dumps(answer["compare-hint"])


def test_a_run_that_is_not_there_is_named(app: Dash) -> None:
    answer = followed(app, "base", "gone", "poked")
    assert "gone" in json.dumps(answer["compare-hint"])
    assert answer["compare-body"]["hidden"] is False


def test_a_picture_is_sent_once(app: Dash) -> None:
    state = followed(app, "base", "poked")["compare-state"]["data"]
    output = next(name for name in app.callback_map if "compare_scalars-drawn" in name)
    answer = ask(app, output, {"compare_scalars-wanted": state})
    drawn = answer["compare_scalars-drawn"]["data"]
    assert drawn["figure"]["data"]
    again = ask(app, output, {"compare_scalars-wanted": {**state, "have": drawn["version"]}})
    assert "compare_scalars-drawn" not in again


def test_a_zoom_outlives_another_smoothing_but_not_another_axis(app: Dash) -> None:
    state = followed(app, "base", "poked")["compare-state"]["data"]
    output = next(name for name in app.callback_map if "compare_scalars-drawn" in name)

    def picture(**changes: Any) -> str:
        answer = ask(app, output, {"compare_scalars-wanted": {**state, **changes}})
        return str(answer["compare_scalars-drawn"]["data"]["figure"]["layout"]["meta"]["picture"])

    assert picture() == picture(smooth=0.9)
    assert picture() != picture(along="time")


def test_what_breaks_says_so_in_its_place(app: Dash) -> None:
    state = followed(app, "base", "poked")["compare-state"]["data"]
    broken = {**state, "along": "moon"}
    output = next(name for name in app.callback_map if "compare_scalars-drawn" in name)
    answer = ask(app, output, {"compare_scalars-wanted": broken})
    assert answer["compare_scalars-picture"]["hidden"] is True
    assert "moon" in json.dumps(answer["compare_scalars-caption"])


def test_tables_are_told(app: Dash) -> None:
    state = followed(app, "base", "poked")["compare-state"]["data"]
    told = ask(app, "compare-parted.children", {"compare-state": state})
    assert "at step 7 first the output of 2" in json.dumps(told)
    assert ask(app, "compare-parted.children", {"compare-state": None}) is None
