from __future__ import annotations

from diagnostics.signs.settings import facts, settings
from tests.diagnostics.written import written

FIRST = {
    "training": {"": True, "trunk": False},
    "settings": {"a": {"type": "Dropout", "p": 0.5}, "b": {"type": "BatchNorm1d", "momentum": 0.1}},
}


def test_patches_add_change_and_take_away(tmp_path):
    patch = {"training": {"trunk": None, "head": False}, "settings": {"a": {"p": 0.1}, "b": None}}
    before, after = settings(written(tmp_path, events=[(1, "modes", FIRST), (7, "modes", patch)]))
    assert before.state == FIRST
    assert after.state == {
        "training": {"": True, "head": False},
        "settings": {"a": {"type": "Dropout", "p": 0.1}},
    }
    assert (before.step, after.step) == (1, 7)


def test_a_flag_is_that_of_the_nearest_name_above(tmp_path):
    (told,) = settings(written(tmp_path, events=[(1, "modes", FIRST)]))
    assert told.flag("training", "") is True
    assert told.flag("training", "trunk.0.weight") is False
    assert told.flag("training", "trunks") is True
    assert told.flag("held", "trunk") is None


def test_settings_are_asked_by_their_name(tmp_path):
    (told,) = settings(written(tmp_path, events=[(1, "modes", FIRST)]))
    assert told.modules("momentum") == {"b": 0.1}
    assert told.type_of("a") == "Dropout"
    assert told.type_of("c") == ""


def test_facts_are_those_of_a_kind(tmp_path):
    run = written(tmp_path, events=[(1, "loss", {"kind": "a"}), (2, "wiring", {}), (3, "loss", {})])
    assert facts(run, "loss") == [(1, {"kind": "a"}), (3, {})]
    assert settings(run) == ()
