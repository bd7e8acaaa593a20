from __future__ import annotations

from diagnostics.signs.objective import Objective, objective
from tests.diagnostics.written import written


def test_the_last_loss_counts_since_the_first_was_seen(tmp_path):
    first = {"kind": "MSELoss", "settings": {}, "on": "answer"}
    last = {
        "kind": "CrossEntropyLoss",
        "settings": {"label_smoothing": 0.1},
        "target": "classes",
        "on": "",
        "outputs": 7,
        "broadcast": True,
        "output": "Softmax",
    }
    found = objective(written(tmp_path, events=[(2, "loss", first), (9, "loss", last)]))
    assert found == Objective(
        "CrossEntropyLoss", {"label_smoothing": 0.1}, "classes", False, 7, True, "Softmax", 2
    )


def test_the_very_answer_is_told_from_something_made_of_it(tmp_path):
    run = written(tmp_path, events=[(1, "loss", {"kind": "MSELoss", "on": "answer"})])
    assert objective(run).on_answer


def test_a_loss_that_was_not_seen_is_empty(tmp_path):
    assert objective(written(tmp_path)) == Objective()
