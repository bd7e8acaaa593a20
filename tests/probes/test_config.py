"""What the user says of a training is kept as JSON, and never in its way."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.run_settings import run_settings
from probes import Recorder
from probes.config import CUT, MOST_BYTES, kept_config
from probes.troubles import Troubles


@pytest.fixture
def troubles(tmp_path):
    return Troubles(tmp_path)


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def test_what_json_can_write_is_kept_as_it_is(troubles, warned):
    told = {"lr": 3e-4, "layers": [1, 2], "data": {"set": "digits", "cut": None}, "fast": True}
    assert kept_config(told, troubles) == told
    assert kept_config(None, troubles) == {}
    assert warned() == []


def test_numbers_and_paths_are_plain(troubles, warned):
    told = kept_config(
        {"n": np.int64(3), "x": np.float32(0.5), "at": Path("a/b"), 7: (1, 2)}, troubles
    )
    assert told == {"n": 3, "x": 0.5, "at": "a/b", "7": [1, 2]}
    assert warned() == []


def test_the_arguments_of_a_command_are_a_table(troubles):
    assert kept_config(argparse.Namespace(lr=0.1, seed=3), troubles) == {"lr": 0.1, "seed": 3}


def test_what_is_strange_is_its_repr_and_said_once(troubles, warned):
    strange = {"dtype": torch.float16, "inside": {"set": {1}}, "far": float("inf")}
    told = kept_config(strange, troubles)
    assert told == {"dtype": "torch.float16", "inside": {"set": "{1}"}, "far": "inf"}
    (said,) = warned()
    assert "dtype, inside.set, far" in said
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_what_breaks_when_looked_at_does_no_harm(troubles, warned):
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert kept_config({"x": Broken()}, troubles) == {}
    assert "training goes on" in warned()[0]


def test_what_holds_itself_ends_somewhere(troubles):
    endless: dict[str, object] = {}
    endless["self"] = endless
    assert json.dumps(kept_config(endless, troubles)).count("self") < 40


def test_too_much_is_cut_and_said(troubles, warned):
    told = kept_config({"lr": 0.1, "long": "x" * MOST_BYTES, "seed": 3}, troubles)
    assert told == {"lr": 0.1, "seed": 3, CUT: "1 of 3 entries left out: over 64 KB in all"}
    assert "(long …)" in warned()[0]
    many = kept_config({f"n{n}": "y" * 100 for n in range(2000)}, troubles)
    assert len(json.dumps(many)) <= MOST_BYTES
    assert len(many) > 500


def test_passwords_do_not_travel(troubles):
    told = {"api_key": "0123456789", "wandb": {"token": "abcdefghij"}, "pad_token": "<pad>"}
    told |= {"tokens": 1000, "tokenizer": "gpt2-medium"}
    kept = kept_config(told, troubles)
    assert kept == told | {"api_key": "…", "wandb": {"token": "…"}}


def test_a_recorder_keeps_it_and_a_reader_tells_it(tmp_path):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    config = {"lr": 0.1, "data": {"set": "digits"}}
    with Recorder(model, optimizer, tmp_path / "run", config=config):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    run = Run(tmp_path / "run")
    assert run.info["config"] == config
    told = {each.name: each.values[0] for each in run_settings([run]) if each.group == "arguments"}
    assert told["data.set"] == "digits"
