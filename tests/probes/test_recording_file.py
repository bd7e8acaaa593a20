from __future__ import annotations

from dataclasses import astuple, replace

import h5py
import numpy as np
import pytest

from probes.folder import VERSION, RunError
from probes.recording import (
    ARRAY_TYPES,
    BINS,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    Track,
    segment_image,
)
from probes.recording_file import BLOCK, RecordingFile


def series(records=4, tensors=(0, 1)):
    generator = np.random.default_rng(records)
    return Series(
        np.arange(1, records + 1),
        1e9 + np.arange(records) / 4,
        np.array(tensors, np.uint32),
        generator.normal(size=(records, len(tensors), len(STATISTICS))).astype(np.float32),
        generator.integers(0, 4097, (records, len(tensors), BINS)).astype(np.uint16),
    )


def info(name="0.weight", depth=0):
    return TensorInfo(name, name[:1], "Linear", "matrix", "512x784", "float32", depth, True)


def track(name="attention", records=3, shape=(2, 4), dtype="float32"):
    values = np.random.default_rng(records).integers(0, 2, (records, *shape)).astype(dtype)
    return Track(name, "by head", np.arange(records), np.arange(records) / 4, values)


def segment(**changes):
    scalars = Scalars(
        np.array([1, 1, 2]),
        np.array([0.5, 0.25, 1.0]),
        np.array([0, 1, 0], np.uint32),
        np.array([0.125, np.inf, -1e300]),
    )
    events = (Event(2, 1.5, "exception", "ValueError: é\n<b>"),)
    usual = Segment(
        "abc", 7, 3, (info(), info("1.weight", 5)), ("loss", "lr"), scalars,
        {"gradients": series(), "updates": series(2, (1,))}, events,
        (track(), track("confusion", 2, (), "int64")), 5,
    )  # fmt: skip
    return replace(usual, **changes)


def write(folder, wanted=None, edit=None):
    path = folder / "r0000-00000007.h5"
    path.write_bytes(segment_image(wanted or segment()))
    if edit is not None:
        with h5py.File(path, "r+") as file:
            edit(file)
    return path


def read_all(path):
    file = RecordingFile(path)
    return file, file.scalars(), {name: list(file.blocks(name)) for name in file.series}


def refusal(path):
    """The one line with which a file is refused."""
    with pytest.raises(RunError) as caught:
        read_all(path)
    line = str(caught.value)
    assert "\n" not in line
    assert path.name in line
    return line


def test_what_is_written_is_read(tmp_path):
    sent = segment()
    file, scalars, blocks = read_all(write(tmp_path, sent))
    assert (file.run, file.sequence, file.dropped, file.rank) == ("abc", 7, 3, 5)
    assert (file.tensors, file.keys, file.events) == (sent.tensors, sent.keys, sent.events)
    assert list(blocks) == ["gradients", "updates"]
    pairs = [(scalars, sent.scalars)]
    pairs += [(blocks[name][0], sent.series[name]) for name in blocks]
    for got, expected in pairs:
        for one, other in zip(astuple(got), astuple(expected), strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def test_a_column_is_one_statistic_of_all_tensors(tmp_path):
    sent, file = segment(), RecordingFile(write(tmp_path))
    for n, name in enumerate(STATISTICS):
        found = file.column("gradients", name)
        np.testing.assert_array_equal(found, sent.series["gradients"].statistics[:, :, n])


def first_version(file):
    """Make of a segment what the first version would have written."""
    file.attrs["version"] = 1
    del file.attrs["rank"], file["arrays"]
    known = [name.encode() for name in STATISTICS[:-2]]
    replaced("statistics", np.array(known))(file)
    for name in file["series"]:
        values = file[f"series/{name}/statistics"][()]
        replaced(f"series/{name}/statistics", values[:, :, : len(known)])(file)


def test_a_file_of_the_first_version_is_read_and_what_it_lacks_is_nan(tmp_path):
    sent = segment().series["gradients"].statistics
    file = RecordingFile(write(tmp_path, edit=first_version))
    assert (file.rank, file.tracks) == (0, ())
    assert file.statistics == STATISTICS[:-2]
    for n, name in enumerate(STATISTICS[:-2]):
        np.testing.assert_array_equal(file.column("gradients", name), sent[:, :, n])
    for name in ("low", "high"):
        assert np.isnan(file.column("gradients", name)).all()
        assert file.column("gradients", name).shape == (4, 2)
    [block] = file.blocks("gradients")
    np.testing.assert_array_equal(block.statistics[:, :, :-2], sent[:, :, :-2])
    assert np.isnan(block.statistics[:, :, -2:]).all()


def test_statistics_are_found_by_their_names(tmp_path):
    order = np.random.default_rng(0).permutation(len(STATISTICS))

    def edit(file):
        replaced("statistics", np.array([STATISTICS[n].encode() for n in order]))(file)
        for name in file["series"]:
            values = file[f"series/{name}/statistics"][()]
            replaced(f"series/{name}/statistics", values[:, :, order])(file)

    sent, file = segment().series["gradients"].statistics, RecordingFile(write(tmp_path, edit=edit))
    np.testing.assert_array_equal(next(iter(file.blocks("gradients"))).statistics, sent)
    at = STATISTICS.index("mean")
    np.testing.assert_array_equal(file.column("gradients", "mean"), sent[:, :, at])


def test_a_histogram_is_read_for_one_tensor(tmp_path):
    sent, file = segment().series["gradients"].histogram, RecordingFile(write(tmp_path))
    for row in (0, 1):
        np.testing.assert_array_equal(file.histogram("gradients", row), sent[:, row])


@pytest.mark.parametrize("dtype", ARRAY_TYPES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 0), (3, 1, 2)])
def test_arrays_of_every_shape_and_type_are_read(tmp_path, shape, dtype):
    sent = track("a", 3, shape, dtype)
    file = RecordingFile(write(tmp_path, segment(tracks=(sent,))))
    [listed] = file.tracks
    assert listed.kind == sent.kind
    assert len(listed.values) == 0  # not read yet
    [got] = file.arrays(0)
    for one, other in zip(astuple(got), astuple(sent), strict=True):
        np.testing.assert_array_equal(one, other)
    assert got.values.dtype == dtype


def test_tracks_are_listed_in_their_order_without_reading_values(tmp_path, monkeypatch):
    sent = tuple(track(f"t{n}", n + 1, (n,)) for n in range(12))
    path = write(tmp_path, segment(tracks=sent))
    read, original = [], h5py.Dataset.__getitem__
    noting = lambda self, key: (read.append(self.name), original(self, key))[1]  # noqa: E731
    monkeypatch.setattr(h5py.Dataset, "__getitem__", noting)
    file = RecordingFile(path)
    assert [one.kind for one in file.tracks] == [one.kind for one in sent]
    assert any(name.startswith("/arrays") for name in read)
    assert not [name for name in read if name.endswith("values")]


def test_long_tracks_come_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("probes.recording_file.ARRAY_BLOCK", 100)
    sent = track("a", 10, (2, 4))  # 32 bytes a record
    file = RecordingFile(write(tmp_path, segment(tracks=(sent,))))
    blocks = list(file.arrays(0))
    assert [len(block.steps) for block in blocks] == [3, 3, 3, 1]
    for name in ("steps", "times", "values"):
        whole = np.concatenate([getattr(block, name) for block in blocks])
        np.testing.assert_array_equal(whole, getattr(sent, name))


def test_a_long_series_comes_in_blocks(tmp_path):
    sent = series(BLOCK + 3, (0,))
    file = RecordingFile(write(tmp_path, segment(series={"gradients": sent})))
    blocks = list(file.blocks("gradients"))
    assert [len(block.steps) for block in blocks] == [BLOCK, 3]
    np.testing.assert_array_equal(np.concatenate([b.histogram for b in blocks]), sent.histogram)


def test_an_empty_segment_is_read(tmp_path):
    none = Scalars(*(np.zeros(0, kind) for kind in (np.int64, float, np.uint32, float)))
    empty = segment(tensors=(), keys=(), scalars=none, series={}, events=())
    file, scalars, blocks = read_all(write(tmp_path, empty))
    assert (file.tensors, file.keys, file.events, blocks) == ((), (), (), {})
    assert len(scalars.steps) == 0


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "a\nb\r\tc",
        "x" * 5000,
        "🦕é漢",
        "/",
        "..",
        "../../etc",
        "",
        " ",
    ],
)
def test_names_of_every_kind_survive_as_text(tmp_path, name):
    hostile = TensorInfo(name, name, name, name, "2x2", "float32", 0, False)
    sent = segment(
        tensors=(hostile, info()), keys=(name, "loss"), events=(Event(1, 2, name, name),)
    )
    sent = replace(sent, tracks=(replace(track(), name=name, about=name),))
    file = RecordingFile(write(tmp_path, sent))
    assert (file.tensors, file.keys, file.events) == (sent.tensors, sent.keys, sent.events)
    [found] = file.arrays(0)
    assert (found.name, found.about) == (name, name)
    with h5py.File(file.path) as raw:
        assert list(raw["arrays"]) == ["0"]


def test_bytes_that_are_no_text_are_still_a_name(tmp_path):
    path = write(tmp_path, edit=replaced("scalars/keys", np.array([b"caf\xe9", b"lr"])))
    assert RecordingFile(path).keys == ("caf\ufffd", "lr")


def test_a_tensors_size_follows_from_its_shape():
    assert [replace(info(), shape=shape).size for shape in ("512x784", "7", "", "3x0")] == [
        512 * 784, 7, 1, 0,
    ]  # fmt: skip


def test_older_readers_can_open_a_segment(tmp_path):
    raw = write(tmp_path).read_bytes()
    assert raw[:8] == b"\x89HDF\r\n\x1a\n"
    assert raw[8] <= 3  # superblock of HDF5 1.10


def test_a_newer_version_is_refused_by_its_number(tmp_path):
    path = write(tmp_path, edit=lambda file: file.attrs.update(version=VERSION + 1))
    line = refusal(path)
    assert f"format {VERSION + 1}" in line
    assert "pip install -U torch-fathom" in line


def test_anothers_hdf5_file_is_refused(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["series"] = [1, 2, 3]
    assert "not a Fathom recording" in refusal(path)


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, kept):
    path = write(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    assert "not a whole HDF5 file" in refusal(path)


def test_a_text_file_is_refused(tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("step,loss\n" * 1000)
    assert "not a whole HDF5 file" in refusal(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    for name in ("folder.h5", "missing.h5"):
        assert "is not a file" in refusal(tmp_path / name)


def replaced(name, value):
    def edit(file):
        del file[name]
        file[name] = value

    return edit


PLACES = ["series/gradients/statistics", "series/gradients/step", "tensors/name", "scalars/value"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "link", [h5py.ExternalLink("elsewhere.h5", "/secret"), h5py.SoftLink("/series/updates/time")]
)
def test_a_link_is_not_followed(tmp_path, place, link):
    with h5py.File(tmp_path / "elsewhere.h5", "w") as file:
        file["secret"] = np.zeros((4, 2, len(STATISTICS)), np.float32)
    assert place in refusal(write(tmp_path, edit=replaced(place, link)))


def test_a_linked_group_is_not_followed(tmp_path):
    link = h5py.SoftLink("/series/updates")
    path = write(tmp_path, edit=replaced("series/gradients", link))
    assert "has no 'series/gradients" in refusal(path)


def test_values_stored_in_another_file_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(4 * 2 * len(STATISTICS) * 4))

    def edit(file):
        del file[PLACES[0]]
        shape = (4, 2, len(STATISTICS))
        outside = [(str(tmp_path / "secret"), 0, 4 * np.prod(shape))]
        file.create_dataset(PLACES[0], shape, "f4", external=outside)

    assert "points outside the file" in refusal(write(tmp_path, edit=edit))


def test_a_virtual_dataset_is_not_read(tmp_path):
    def edit(file):
        del file[PLACES[0]]
        layout = h5py.VirtualLayout((4, 2, len(STATISTICS)), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "else.h5"), "x", layout.shape)
        file.create_virtual_dataset(PLACES[0], layout)

    assert "points outside the file" in refusal(write(tmp_path, edit=edit))


def test_a_dataset_that_claims_to_be_huge_is_not_read(tmp_path):
    def edit(file):
        del file[PLACES[0]]
        file.create_dataset(PLACES[0], (1 << 40, 2, len(STATISTICS)), "f4", chunks=True)

    assert "bytes, and the file holds less" in refusal(write(tmp_path, edit=edit))


def test_a_missing_dataset_is_named(tmp_path):
    def edit(file):
        del file["scalars/keys"]

    assert "has no 'scalars/keys'" in refusal(write(tmp_path, edit=edit))


def without(attribute):
    def edit(file):
        del file.attrs[attribute]

    return edit


def changed(**attributes):
    return lambda file: file.attrs.update(**attributes)


DEAD = h5py.SoftLink("/nowhere")
HOSTILE = {
    "series leads nowhere": replaced("series", DEAD),
    "series leads to another file": replaced("series", h5py.ExternalLink("elsewhere.h5", "/")),
    "series is a dataset": replaced("series", np.arange(3)),
    "series is a number": replaced("series", 3),
    "a series is a dataset": replaced("series/gradients", np.arange(3)),
    "a series leads nowhere": replaced("series/gradients", DEAD),
    "a column is a group": lambda file: (
        file.pop("tensors/name"),
        file.create_group("tensors/name"),
    ),
    "the table of tensors is gone": lambda file: file.pop("tensors"),
    "no run": without("run"),
    "no sequence": without("sequence"),
    "no dropped": without("dropped"),
    "no order": without("order"),
    "version is a text": changed(version="one"),
    "version is a list": changed(version=[1, 1]),
    "sequence is a text": changed(sequence="third\nline"),
    "events are no JSON": replaced("events", np.void(b"[[1, 2,\n")),
    "events are a number": replaced("events", np.void(b"3")),
    "events are short": replaced("events", np.void(b"[[1, 2.0]]")),
    "events are text": replaced("events", "[]"),
    "tensors of unequal length": replaced("tensors/module", np.array([b"one"])),
    "tensors that are a number": replaced("tensors/depth", 3),
    "too few statistics": replaced("series/gradients/statistics", np.zeros((4, 2, 3), np.float32)),
    "statistics without axes": replaced("series/gradients/statistics", np.float32(3)),
    "series is an empty dataset": replaced("series", np.zeros(0)),
    "no version": without("version"),
    "scalars of unequal length": replaced("scalars/value", np.zeros(2)),
    "steps of unequal length": replaced("series/gradients/step", np.arange(3)),
    "times of unequal length": replaced("series/gradients/time", np.arange(3.0)),
    "tensors beyond the table": replaced("series/gradients/tensor", np.array([0, 9], np.uint32)),
    "statistics of unequal length": replaced(
        "series/gradients/statistics", np.zeros((3, 2, len(STATISTICS)), np.float32)
    ),
    "statistics of fewer tensors": replaced(
        "series/gradients/statistics", np.zeros((4, 1, len(STATISTICS)), np.float32)
    ),
    "a histogram of another width": replaced(
        "series/gradients/histogram", np.zeros((4, 2, 3), np.uint16)
    ),
    "a histogram of fractions": replaced("series/gradients/histogram", np.zeros((4, 2, BINS))),
    "no histogram": lambda file: file.pop("series/gradients/histogram"),
    "steps in a table": replaced("series/gradients/step", np.zeros((4, 1), int)),
    "steps of text": replaced("series/gradients/step", np.full(4, b"x")),
    "a statistic twice": replaced("statistics", np.full(len(STATISTICS), b"mean")),
    "statistics of no version": replaced("statistics", np.full(len(STATISTICS), b"else")),
    "statistics nowhere": replaced("statistics", DEAD),
    "rank is a text": changed(rank="first"),
    "arrays lead nowhere": replaced("arrays", DEAD),
    "arrays are elsewhere": replaced("arrays", h5py.ExternalLink("elsewhere.h5", "/")),
    "arrays are a dataset": replaced("arrays", np.arange(3)),
    "a track is a dataset": replaced("arrays/0", np.arange(3)),
    "a track leads nowhere": replaced("arrays/0", DEAD),
    "a track without a number": lambda file: file.move("arrays/0", "arrays/first"),
    "a track without a name": lambda file: file["arrays/0"].attrs.pop("name"),
    "a track whose name is a number": lambda file: file["arrays/0"].attrs.update(name=3),
    "a track about many things": lambda file: file["arrays/0"].attrs.update(about=["a", "b"]),
    "a track without values": lambda file: file.pop("arrays/0/values"),
    "values elsewhere": replaced("arrays/0/values", h5py.ExternalLink("elsewhere.h5", "/x")),
    "values of text": replaced("arrays/0/values", np.full((3, 2), b"x")),
    "values of complex numbers": replaced("arrays/0/values", np.zeros((3, 2), complex)),
    "values without axes": replaced("arrays/0/values", np.float32(3)),
    "values that are nothing": replaced("arrays/0/values", h5py.Empty("f4")),
    "values of unequal length": replaced("arrays/0/values", np.zeros((2, 4), np.float32)),
    "a track's steps of unequal length": replaced("arrays/0/step", np.arange(2)),
    "a track's times in a table": replaced("arrays/0/time", np.zeros((3, 1))),
    "a track that claims to be huge": lambda file: (
        file.pop("arrays/0/values"),
        file.create_dataset("arrays/0/values", (3, 1 << 40), "f4", chunks=True),
    ),
    "statistics of texts": replaced(
        "series/gradients/statistics", np.full((4, 2, len(STATISTICS)), b"x")
    ),
}


@pytest.mark.parametrize("damage", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(tmp_path, damage):
    h5py.File(tmp_path / "elsewhere.h5", "w").close()
    path = write(tmp_path, edit=HOSTILE[damage])
    with pytest.raises(RunError) as caught:
        file = RecordingFile(path)
        file.scalars()
        for name in file.series:
            file.column(name, "norm")
            file.histogram(name, 0)
        for n in range(len(file.tracks)):
            list(file.arrays(n))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
