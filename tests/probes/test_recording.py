from __future__ import annotations

import numpy as np

from probes.folder import VERSION, write_whole
from probes.recording import (
    BINS,
    HISTORY,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    segment_image,
)
from probes.recording_file import RecordingFile


def test_a_segment_reads_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(3, 2, len(STATISTICS))).astype(np.float32)
    histogram = rng.integers(0, 4096, (3, 2, BINS)).astype(np.uint16)
    series = Series(
        np.arange(3), np.arange(3.0), np.array([0, 1], np.uint32), statistics, histogram
    )
    tensors = tuple(
        TensorInfo(name, "0", "Linear", "matrix", "3x4", "float32", 0, trainable=True)
        for name in ("0.weight", "größe")
    )
    scalars = Scalars(np.arange(4), np.arange(4.0), np.zeros(4, np.uint32), rng.normal(size=4))
    events = (Event(2, 1.5, "exception", "ValueError: no"),)
    segment = Segment("id", 7, 3, tensors, ("loss",), scalars, {"gradients": series}, events)
    write_whole(tmp_path / "segment.h5", segment_image(segment))

    read = RecordingFile(tmp_path / "segment.h5")
    assert (read.run, read.sequence, read.dropped) == ("id", 7, 3)
    assert (read.tensors, read.keys, read.events) == (tensors, ("loss",), events)
    assert np.array_equal(read.scalars().values, scalars.values)
    (block,) = read.blocks("gradients")
    assert np.array_equal(block.statistics, statistics)
    assert np.array_equal(block.histogram, histogram)
    assert np.array_equal(
        read.column("gradients", "norm"), statistics[:, :, STATISTICS.index("norm")]
    )


def test_every_version_has_its_line_in_the_history():
    assert sorted(HISTORY) == list(range(1, VERSION + 1))
