from __future__ import annotations

from diagnostics.signs.dropouts import dropouts
from tests.diagnostics.written import written


def test_each_says_its_share_by_one_name_or_another(tmp_path):
    told = {"a": {"p": 0.5}, "b": {"drop_prob": 0.1}, "rnn": {"dropout": 0.2}, "c": {"p": 0.0}}
    run = written(tmp_path, events=[(1, "modes", {"settings": told})])
    assert dropouts(run) == {"a": 0.5, "b": 0.1, "rnn": 0.2}


def test_the_last_setting_counts(tmp_path):
    modes = [
        (1, "modes", {"settings": {"a": {"p": 0.5}}}),
        (5, "modes", {"settings": {"a": {"p": 0.1}}}),
    ]
    assert dropouts(written(tmp_path, events=modes)) == {"a": 0.1}


def test_what_is_no_share_is_none(tmp_path):
    told = {"norm": {"p": "fro"}, "a": {"p": 0.5}}
    assert dropouts(written(tmp_path, events=[(1, "modes", {"settings": told})])) == {"a": 0.5}


def test_without_modes_it_is_not_known(tmp_path):
    assert dropouts(written(tmp_path)) is None
