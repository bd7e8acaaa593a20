from __future__ import annotations

import json
import re
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
import torch

from diagnostics import Run
from probes import Recorder
from probes.live import SHOWN, summary_html
from tests.trainings import mlp, train


def recording(path):
    return SimpleNamespace(path=path, steps=1200, records=90, overhead=0.0187)


def write(path, **summary):
    (path / "summary.json").write_text(json.dumps(summary))


def cells(html):
    """The table as a browser's parser would have it; it must be well formed."""
    rows = ET.fromstring(html).findall("./tbody/tr")
    return {row[0].text or "": row[1].text for row in rows}


def test_the_table_says_how_it_goes(tmp_path):
    write(tmp_path, state="running", dropped=7, scalars={"loss": 0.1234567, "accuracy": "nan"})
    assert cells(summary_html(recording(tmp_path))) == {
        "state": "running",
        "steps": "1,200",
        "recorded": "90",
        "cost": "1.9% of training time",
        "loss": "0.12346",
        "accuracy": "nan",
        "dropped": "7 rows could not be written",
        "folder": str(tmp_path),
    }


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"scalars": 3, "dropped": null}'])
def test_a_summary_that_is_absent_or_odd_is_left_out(tmp_path, content):
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    assert list(cells(summary_html(recording(tmp_path)))) == ["steps", "recorded", "cost", "folder"]


def test_nothing_logged_is_markup(tmp_path):
    folder = tmp_path / "<b>&run"
    folder.mkdir()
    name, value = "<script>alert(1)</script>", "<img src=x onerror='y'>"
    write(folder, state="<i>", scalars={name: value})
    html = summary_html(recording(folder))
    assert cells(html)[name] == value
    assert cells(html)["state"] == "<i>"
    assert cells(html)["folder"] == str(folder)
    assert set(re.findall(r"<(\w+)", html)) == {"table", "tbody", "tr", "th", "td"}


def test_it_takes_the_notebooks_colours(tmp_path):
    html = summary_html(recording(tmp_path))
    colours = re.findall(r"(?:color|background):([^;\"]+)", html)
    assert set(colours) == {"inherit", "none"}


def test_many_scalars_are_counted(tmp_path):
    write(tmp_path, scalars={f"s{n}": n for n in range(SHOWN + 3)})
    shown = cells(summary_html(recording(tmp_path)))
    assert shown[""] == "and 3 more"
    assert [name for name in shown if name.startswith("s") and name[1:].isdigit()] == [
        f"s{n}" for n in range(SHOWN)
    ]


def test_a_real_recorder_is_summed_up_while_it_runs_and_after(tmp_path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=2) as recorder:
        losses = train(model, optimizer, steps=10, recorder=recorder)
        assert cells(summary_html(recorder))["steps"] == "10"
    shown = cells(summary_html(recorder))
    assert (shown["state"], shown["recorded"]) == ("finished", str(Run(tmp_path / "run").records))
    assert float(shown["loss"]) == pytest.approx(losses[-1], rel=1e-4)
