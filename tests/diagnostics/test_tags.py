from __future__ import annotations

import json

import pytest

from diagnostics.run import FathomError
from diagnostics.tags import LONGEST, MOST, add_tag, read_tags, remove_tag
from tests.dashboard.samples import HOSTILE


def test_tags_are_given_and_taken_off(tmp_path):
    assert read_tags(tmp_path) == ()
    for tag in ("baseline", " paper ", "baseline"):
        add_tag(tmp_path, tag)
    assert read_tags(tmp_path) == ("baseline", "paper")
    remove_tag(tmp_path, "baseline")
    remove_tag(tmp_path, "nobody's")
    assert read_tags(tmp_path) == ("paper",)
    assert [path.name for path in tmp_path.iterdir()] == ["tags.json"]


@pytest.mark.parametrize(
    "tag", ["", "  ", "x" * (LONGEST + 1), "two\nlines", "a\x00b", "\u202eleft"]
)
def test_what_is_no_tag_is_refused(tmp_path, tag):
    with pytest.raises(FathomError, match="no tag"):
        add_tag(tmp_path, tag)
    assert not (tmp_path / "tags.json").exists()


def test_any_short_line_is_a_tag(tmp_path):
    for tag in (HOSTILE[:LONGEST], "../../etc", "näh", "实验"):
        add_tag(tmp_path, tag)
        assert read_tags(tmp_path)[-1] == tag


def test_there_is_an_end_to_them(tmp_path):
    for n in range(MOST):
        add_tag(tmp_path, f"tag {n}")
    with pytest.raises(FathomError, match="take one off"):
        add_tag(tmp_path, "one more")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"tags": 3}', '{"tags": [3, null, {}]}', "[" * 9999]
)
def test_a_damaged_file_holds_none(tmp_path, text):
    (tmp_path / "tags.json").write_text(text)
    assert read_tags(tmp_path) == ()


def test_a_file_of_thousands_gives_a_few(tmp_path):
    (tmp_path / "tags.json").write_text(json.dumps({"tags": [f"t{n}" for n in range(9_999)]}))
    assert len(read_tags(tmp_path)) == MOST


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    with pytest.raises(FathomError, match="Let whoever serves this page write"):
        add_tag(tmp_path / "gone", "tag")
