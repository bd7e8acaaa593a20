from __future__ import annotations

import json
from dataclasses import asdict

import pytest

import diagnostics.listing
from diagnostics.listing import Listing, Told, as_listing, keep, read_listing, rules_version, stamp

LISTING = Listing("10 finished 5.0", (Told("no_signal", "error"),), 3, "", {"extremes": {}})


def test_what_is_kept_is_read_again(tmp_path):
    keep(tmp_path, LISTING)
    assert read_listing(tmp_path, LISTING.stamp) == LISTING


def test_a_recording_that_has_changed_is_to_be_examined_again(tmp_path):
    summary = {"steps": 10, "state": "finished", "updated": 5.0}
    assert stamp(summary) == LISTING.stamp
    keep(tmp_path, LISTING)
    for change in ({"steps": 11}, {"state": "running"}, {"updated": 6.0}):
        assert read_listing(tmp_path, stamp(summary | change)) is None


def test_other_rules_judge_anew(tmp_path, monkeypatch):
    keep(tmp_path, LISTING)
    monkeypatch.setattr(diagnostics.listing, "rules_version", lambda: "later")
    assert read_listing(tmp_path, LISTING.stamp) is None


def test_the_version_of_the_rules_is_that_of_the_files(tmp_path, monkeypatch):
    (tmp_path / "rules").mkdir()
    for name in ("__init__.py", "rules/a.py", "thresholds.toml"):
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(diagnostics, "__file__", str(tmp_path / "__init__.py"))
    versions = {rules_version.__wrapped__()}
    for name in ("__init__.py", "rules/a.py", "thresholds.toml"):
        (tmp_path / name).write_text("2")
        versions.add(rules_version.__wrapped__())
    assert len(versions) == 4


def test_a_folder_that_cannot_be_written_stays_as_it_is(tmp_path):
    keep(tmp_path / "gone", LISTING)
    assert read_listing(tmp_path / "gone", LISTING.stamp) is None


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "listing.json").write_text("{")
    assert read_listing(tmp_path, "") is None


@pytest.mark.parametrize(
    "damage",
    [
        {"verdicts": 3},
        {"verdicts": [3]},
        {"verdicts": [{"disease": "a", "severity": "fatal"}]},
        {"verdicts": [{"disease": "a", "severity": []}]},
        {"looked": "many"},
        {"highlights": 3},
    ],
)
def test_what_makes_no_sense_is_no_listing(damage):
    whole = json.loads(json.dumps(asdict(LISTING)))
    assert as_listing(whole) == LISTING
    assert as_listing(whole | damage) is None
    assert as_listing({name: each for name, each in whole.items() if name not in damage}) is None
