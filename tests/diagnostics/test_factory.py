import sys

import pytest

from diagnostics.factory import made_by
from probes.folder import FathomError


@pytest.fixture
def training(tmp_path, monkeypatch):
    (tmp_path / "my_training.py").write_text("def make():\n    return 42\n\nNUMBER = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("my_training", None)


def test_what_the_function_gives(training):
    assert made_by("my_training:make") == 42


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("my_training", "module:function"),
        ("my_training:", "module:function"),
        (":make", "module:function"),
        ("my_training:other", r"no function 'other' \(it has: make\)"),
        ("my_training:NUMBER", "no function 'NUMBER'"),
        ("nowhere_at_all:make", "no module 'nowhere_at_all'"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(training, place, told):
    with pytest.raises(FathomError, match=told):
        made_by(place)
