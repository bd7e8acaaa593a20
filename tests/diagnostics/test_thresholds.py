from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics import Run, examine
from diagnostics import thresholds as module
from diagnostics.rules import rules
from diagnostics.thresholds import changed_by, thresholds, tomllib
from probes.folder import FathomError
from tests.trainings import record


@pytest.fixture
def own(tmp_path):
    def write(text):
        (tmp_path / "own.toml").write_text(text, encoding="utf-8")
        return tmp_path / "own.toml"

    return write


def test_every_rule_has_its_thresholds_and_each_says_where_it_comes_from():
    text = Path(module.__file__).with_suffix(".toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert {name for name in table if not name.startswith("preflight.")} == set(rules())
    for entries in table.values():
        for entry in entries.values():
            assert entry.keys() == {"value", "from"}
            assert len(entry["from"]) > 20


def test_a_rule_reads_its_own():
    assert thresholds("vanishing_gradient")["first_to_last"] == 0.01


def test_a_file_of_the_users_holds_within_and_not_after(own):
    limits = thresholds("vanishing_gradient")
    with changed_by(own("[vanishing_gradient]\nfirst_to_last = 0.5\n")) as changed:
        assert limits["first_to_last"] == 0.5
        assert limits["records"] == 3
        assert [(c.rule, c.name, c.value, c.built_in) for c in changed] == [
            ("vanishing_gradient", "first_to_last", 0.5, 0.01)
        ]
    assert limits["first_to_last"] == 0.01


def test_a_copy_of_the_built_in_file_is_a_file_of_the_users(own):
    text = Path(module.__file__).with_suffix(".toml").read_text(encoding="utf-8")
    with changed_by(own(text)) as changed:
        assert all(c.value == c.built_in for c in changed)


def test_a_changed_threshold_changes_the_verdict_and_is_told(own, tmp_path):
    run = Run(record(tmp_path / "run", steps=8))
    assert "vanishing_gradient" not in {f.disease for f in examine(run).findings}
    told = examine(run, own("[vanishing_gradient]\nfirst_to_last = 1e9\ndecay_high = 1e9\n"))
    found = {f.disease: f for f in (*told.findings, *told.hints)}
    assert found["vanishing_gradient"].evidence[0].threshold == 1e9
    assert [changed.name for changed in told.thresholds] == ["first_to_last", "decay_high"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[vanishing]\nx = 1\n", "'vanishing', which is no rule"),
        ("[vanishing_gradient]\nx = 1\n", "no such threshold"),
        ("[vanishing_gradient]\nrecords = 'many'\n", "give a number"),
        ("vanishing_gradient = 3\n", "under \\[vanishing_gradient\\]"),
        ("vanishing_gradient\n", "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(own, text, said):
    file = own(text)
    with pytest.raises(FathomError, match=said), changed_by(file):
        pass
