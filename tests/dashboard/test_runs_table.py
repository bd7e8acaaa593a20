from __future__ import annotations

import json
from pathlib import Path

from dashboard.run_row import RunRow, Value
from dashboard.runs_table import row_data
from dashboard.sparkline import Sparkline
from diagnostics.listing import Listing, Told


def test_a_row_is_plain_json_even_where_a_value_is_no_number():
    row = RunRow(
        "run",
        Path("run"),
        "finished",
        loss=Value("loss", float("nan"), 0.123456789123),
        score=Value("acc", float("inf"), None),
        values={"loss": float("nan"), "lr": 0.1},
        curve=Sparkline("0z", "0z", (1,), is_log=True),
        curve_name="loss",
        listing=Listing("", (Told("vanishing_gradient", "error"),), 4),
        tags=("a",),
    )
    told = json.loads(json.dumps(row_data(row), allow_nan=False))
    assert told["loss"] == {"name": "loss", "last": "nan", "best": 0.12345679}
    assert told["score"] == {"name": "acc", "last": "inf", "best": None}
    assert told["values"] == {"loss": "nan", "lr": 0.1}
    assert told["curve"] == {"name": "loss", "low": "0z", "high": "0z", "lost": [1], "log": True}
    assert told["verdicts"] == [["error", "Vanishing gradient", "vanishing_gradient"]]
    assert (told["looked"], told["trouble"], told["tags"]) == (4, "", ["a"])
    assert "path" not in told


def test_what_is_not_known_yet_is_said_to_be():
    told = row_data(RunRow("run", Path("run"), "unreadable", "why"))
    assert told["verdicts"] is told["loss"] is told["curve"] is None
    assert told["reason"] == "why"
