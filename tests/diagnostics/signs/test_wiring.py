from __future__ import annotations

from diagnostics.signs.wiring import sources, wiring
from tests.diagnostics.written import layer, tensor, written

NET = [
    *layer("a", "8x8"),
    tensor("norm", "output", "16x8", "BatchNorm1d"),
    tensor("drop", "output", "16x8", "Dropout"),
    *layer("b", "8x8"),
    tensor("act", "output", "16x8", "ReLU"),
    *layer("c", "8x8"),
]
WIRES = {"norm": "a", "drop": "norm", "b": "drop", "act": "b", "c": "act"}


def test_sources_are_seen_through_what_has_no_function_of_its_own(tmp_path):
    run = written(tmp_path, NET, events=[(1, "wiring", WIRES)])
    assert wiring(run) == WIRES
    found = sources(run)
    assert found is not None
    assert (found["b"], found["c"]) == ("a", "act")


def test_a_loop_ends(tmp_path):
    loop = {"norm": "drop", "drop": "norm", "b": "norm"}
    found = sources(written(tmp_path, NET, events=[(1, "wiring", loop)]))
    assert found is not None
    assert found["b"] in {"norm", "drop"}


def test_what_was_not_recorded_is_none(tmp_path):
    run = written(tmp_path, NET)
    assert wiring(run) is None
    assert sources(run) is None
