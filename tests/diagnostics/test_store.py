import json
import os
import re
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from diagnostics.curvature import Curvature, Effort, curvature
from diagnostics.directions import Direction
from diagnostics.loss_landscape import Landscape, loss_landscape
from diagnostics.sharpness import sharpness
from diagnostics.slices import Grid
from diagnostics.store import check_writable, key_part, load, result_path, save, saved
from diagnostics.trajectory import trajectory
from diagnostics.weight_space import Floats
from probes.folder import RunError
from tests.diagnostics.bowl import Bowl, rotated


@dataclass(frozen=True)
class Inner:
    name: str
    values: Floats


@dataclass(frozen=True)
class Sample:
    text: str
    number: float
    whole: int
    truth: bool
    nothing: Inner | None
    something: Inner | None
    rows: tuple[Inner, ...]
    pair: tuple[str, float]
    flags: np.typing.NDArray[np.bool_]
    empty: Floats
    scalar: Floats
    later: int = 7


def sample():
    inner = Inner("a/b\x00ü <script>", np.array([np.nan, -0.0, np.inf, 0.1 + 0.2]))
    return Sample(
        text="λ₁\n",
        number=float("nan"),
        whole=2**60,
        truth=True,
        nothing=None,
        something=inner,
        rows=(inner, replace(inner, name="second")),
        pair=("x", float("-inf")),
        flags=np.array([[True, False]]),
        empty=np.zeros((0, 3)),
        scalar=np.array(4.0),
    )


def assert_same(one, other):
    """Bit for bit, and of the same kind, all the way down."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, float):
        assert np.float64(one).tobytes() == np.float64(other).tobytes()
    else:
        assert one == other


def test_every_kind_of_field_comes_back_bit_for_bit(tmp_path):
    path = save(tmp_path, sample(), "first")
    assert path == tmp_path / "results/test_store-first.h5"
    assert_same(load(tmp_path, Sample, "first"), sample())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def results():
    bowl = Bowl(rotated(np.arange(1.0, 9)), centre=np.ones(8), floor=0.1)
    plane = [Direction("u", np.eye(8)[0]), Direction("v", np.eye(8)[1])]
    surface = loss_landscape(bowl, plane, Grid(resolution=15))
    yield replace(surface, trajectory=trajectory(bowl, plane, {0: np.zeros(8)}))
    yield loss_landscape(bowl, plane[:1], Grid(resolution=5, tolerance=0))
    yield curvature(bowl, Effort(by_layer=5))
    yield sharpness(bowl)


@pytest.mark.parametrize("result", list(results()), ids=lambda r: type(r).__name__)
def test_the_results_there_are_come_back(tmp_path, result):
    save(tmp_path, result)
    assert_same(load(tmp_path, type(result)), result)


def test_the_keys_there_are(tmp_path):
    assert saved(tmp_path, Sample) == ()
    for n, key in enumerate(("b", "", "a.1_x")):
        path = save(tmp_path, sample(), key)
        os.utime(path, (n, n))
    save(tmp_path, curvature(Bowl(np.eye(3))))
    assert saved(tmp_path, Sample) == ("b", "", "a.1_x")
    assert saved(tmp_path, Curvature) == ("",)


def test_a_result_is_replaced_whole(tmp_path):
    save(tmp_path, sample())
    save(tmp_path, replace(sample(), whole=3))
    assert load(tmp_path, Sample).whole == 3


@pytest.mark.parametrize("key", ["../up", "a/b", "-a", "a b", "x" * 101])
def test_a_key_leads_nowhere_else(tmp_path, key):
    with pytest.raises(RunError, match="letters, digits"):
        result_path(tmp_path, Sample, key)


def test_what_is_not_there_is_said(tmp_path):
    save(tmp_path, sample(), "first")
    with pytest.raises(RunError, match=r"no Sample under the key 'second' .*there are: 'first'"):
        load(tmp_path, Sample, "second")


@dataclass(frozen=True)
class Other:
    text: str


def changed(path, change):
    with h5py.File(path, "r+") as file:
        content = json.loads(file["content"][()].tobytes())
        change(file, content)
        del file["content"]
        file["content"] = np.frombuffer(json.dumps(content).encode(), np.uint8)


def test_a_field_with_a_default_may_have_come_later_than_the_file(tmp_path):
    path = save(tmp_path, replace(sample(), later=8))
    changed(path, lambda file, content: content.pop("later"))
    assert_same(load(tmp_path, Sample), sample())


CHANGES = {
    "a field less": lambda file, content: content.pop("text"),
    "a field more": lambda file, content: content.update(more=1),
    "another kind": lambda file, content: content.update(text=5),
    "a truth for a number": lambda file, content: content.update(whole=True),
    "no array": lambda file, content: content.update(flags={"array": "nowhere"}),
    "a long tuple": lambda file, content: content.update(pair=["x", 1.0, 2.0]),
    "another class": lambda file, content: file.attrs.update(result="Other"),
    "no list": lambda file, content: content.update(rows=5),
    "another format": lambda file, content: file.attrs.update(format="other"),
    "a later version": lambda file, content: file.attrs.update(version=99),
    "a link to elsewhere": lambda file, content: link(file),
}


def link(file):
    del file["arrays/flags"]
    file["arrays/flags"] = h5py.ExternalLink("/etc/passwd", "x")


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_refused_in_one_line(tmp_path, name):
    path = save(tmp_path, sample())
    changed(path, CHANGES[name])
    with pytest.raises(RunError) as told:
        load(tmp_path, Sample)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_file_is_refused(tmp_path, share):
    path = save(tmp_path, sample())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RunError, match="cannot be read"):
        load(tmp_path, Sample)


def test_flipped_bytes_never_pass_for_numbers(tmp_path):
    big = replace(sample(), empty=np.arange(3000.0).reshape(1000, 3))
    path = save(tmp_path, big)
    whole = bytearray(path.read_bytes())
    at = whole.index(np.arange(300.0, 310.0).tobytes())
    whole[at + 3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(RunError):
        load(tmp_path, Sample)


def test_what_no_result_may_hold_is_said(tmp_path):
    with pytest.raises(TypeError, match="'arrays/text' is of type object"):
        save(tmp_path, Other(np.array([object()])))
    with pytest.raises(TypeError, match="of type set"):
        save(tmp_path, Other({1}))
    assert not Path(tmp_path / "results").exists()


def test_a_landscape_is_read_by_its_own_name_alone(tmp_path):
    save(tmp_path, next(results()), "curvature")
    assert saved(tmp_path, Landscape) == ("curvature",)
    assert saved(tmp_path, Curvature) == ()


def test_a_folder_that_takes_no_result_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    check_writable(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "results").write_text("a file")
    with pytest.raises(RunError, match=r"in '.*results' \(File exists\); copy the run to where"):
        check_writable(tmp_path / "taken")
    monkeypatch.setattr("os.access", lambda *_: False)  # as for anyone but root
    with pytest.raises(RunError, match=r"\(it may not be written to\); copy the run"):
        check_writable(tmp_path)


def test_names_that_lose_letters_in_a_key_are_still_told_apart():
    assert key_part("step 4 of adam") == "step4ofadam"
    names = ["ab", "a-b", "a_b", "ä", "ö", "x" * 50, "x" * 51]
    keys = [key_part(name) for name in names]
    assert len(set(keys)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.]{1,47}", key) for key in keys)
