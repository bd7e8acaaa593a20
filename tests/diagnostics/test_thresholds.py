from __future__ import annotations

from pathlib import Path

from diagnostics import thresholds as module
from diagnostics.rules import rules
from diagnostics.thresholds import thresholds, tomllib


def test_every_rule_has_its_thresholds_and_each_says_where_it_comes_from():
    text = Path(module.__file__).with_suffix(".toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert set(table) == set(rules())
    for entries in table.values():
        for entry in entries.values():
            assert entry.keys() == {"value", "from"}
            assert len(entry["from"]) > 20


def test_a_rule_reads_its_own():
    assert thresholds("vanishing_gradient")["first_to_last"] == 0.01
