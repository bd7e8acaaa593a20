from __future__ import annotations

import json

import pytest

from diagnostics.black_box import black_box, black_boxes
from tests.diagnostics.black_boxes import (
    forward_report,
    half_report,
    input_report,
    recording,
    reported,
)


def test_what_the_box_wrote_is_read_from_the_run(tmp_path):
    report = forward_report()
    box = black_box(reported(tmp_path, report))
    assert (box.step, box.where, box.module, box.module_type) == (3, "forward", "2", "Spoiler")
    assert (box.summary, box.rows, box.kind) == (report.summary, (5,), "NaN")
    assert (box.forward_pass, box.passes, box.count, box.bad) == (1, 1, 12 * 16, 1)
    assert [layer.module for layer in box.order] == ["0", "1", "2", "3", "4", "5"]
    assert [layer.bad > 0 for layer in box.order] == [False, False, True, True, True, True]
    assert box.order[0].largest == pytest.approx(report.order[0]["largest"])
    assert "5.bias" in box.gradients
    assert box.layers == ("2",)
    assert not box.is_overflow


def test_an_overflow_of_float16_is_known(tmp_path):
    box = black_box(reported(tmp_path, half_report()))
    assert (box.kind, box.dtype, box.is_overflow) == ("+inf", "float16", True)
    assert box.infinite == box.bad > 0


def test_the_first_of_several_counts(tmp_path):
    run = reported(tmp_path, forward_report(), input_report())
    assert [box.step for box in black_boxes(run)] == [2, 3]
    assert black_box(run).where == "inputs"


def test_steps_that_were_left_out_are_not_the_first_trouble(tmp_path):
    skipped = json.dumps({"where": "backward", "dtype": "float16", "kind": "+inf", "skipped": 3})
    events = [(1, "black_box", skipped), (3, "black_box", forward_report().to_json())]
    assert black_box(recording(tmp_path, events=events)).where == "forward"


def test_a_report_with_a_place_comes_before_one_without(tmp_path):
    unknown = (1, "black_box", '{"where": "unknown"}')
    run = recording(tmp_path, events=[unknown, (3, "black_box", forward_report().to_json())])
    assert [box.step for box in black_boxes(run)] == [1, 3]
    assert black_box(run).step == 3


def test_another_ranks_report_is_read_too(tmp_path):
    text = f"rank 12: {forward_report().to_json()}"  # as a run tells another rank's events
    box = black_box(recording(tmp_path, events=[(3, "black_box", text)]))
    assert (box.rank, box.where, box.module) == (12, "forward", "2")


def test_most_runs_have_none(tmp_path):
    assert black_box(recording(tmp_path, events=[(1, "modes", "{}")])) is None


DAMAGED = [
    "",
    "{",
    "[]",
    "3",
    '{"counts": 3, "rows": {"a": 1}, "order": [7, null], "module": [], "step": "x"}',
    '{"where": null, "weights": [{"name": 4}], "rows": [null, "a", 3], "skipped": "many"}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_what_is_damaged_is_taken_for_not_there(tmp_path, text):
    box = black_box(recording(tmp_path, events=[(2, "black_box", text)]))
    if text.startswith("{") and text != "{":
        assert (box.step, box.where, box.module, box.skipped) == (2, "unknown", None, 0)
        assert "damaged" in box.summary
    else:
        assert box is None


def test_every_cut_of_a_report_is_read_or_left(tmp_path):
    text = forward_report().to_json()
    cuts = [(2, "black_box", text[:end]) for end in range(0, len(text), 37)]
    events = [*cuts, (3, "black_box", text)]
    assert [box.step for box in black_boxes(recording(tmp_path, events=events))] == [3]
