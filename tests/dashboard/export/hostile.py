"""A recording made by the real writer, of everything that a copy could get wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from diagnostics.run import Run
from probes.folder import FORMAT, RUN, SEGMENTS, VERSION
from probes.recording import (
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

NAMES = (
    *("=cmd()", "+1", "-loss", "@here", "\ttab", "'quoted", "''", "0.weight"),
    *("a,b", 'say "x"', "two\nlines", "cr\rhere", "crlf\r\nhere", "nul\0inside", "%s%d"),
    *("../../outside", "/absolute", "ünï 🚢", "<b>bold</b>", "x" * 10_000, ";=cmd()", " "),
)
STEPS = (-(2**63), 1, 2**53 + 1, 2**63 - 1)
VALUES = (np.nan, np.inf, -np.inf, -0.0, 0.1, 5e-324, 1.7976931348623157e308, 1 / 3)
EVENTS = (
    Event(3, 1.5, "=kind", 'first "line"\nsecond, line\r'),
    Event(2**53 + 1, 2.5, "exception", "\ud800 half a letter"),
)


def hostile(folder: Path) -> Run:
    """A finished run of one segment, every name of it in turn a tensor's and a scalar's."""
    run = folder / "run"
    (run / SEGMENTS).mkdir(parents=True)
    head = {"format": FORMAT, "version": VERSION, "args": {"lr": float("nan")}}
    (run / RUN).write_text(json.dumps(head))
    tensors = tuple(
        TensorInfo(name, f"module {name}", "Linear", "matrix", "2x3", "float32", n, n % 2 == 0)
        for n, name in enumerate(NAMES)
    )
    segment = Segment(
        run="run",
        sequence=0,
        dropped=0,
        tensors=tensors,
        keys=NAMES,
        scalars=scalars(),
        series={"gradients": series(), "=odd name": series(1), "scalars": series(2)},
        events=EVENTS,
        tracks=(track(),),
    )
    (run / SEGMENTS / "r0000-00000000.h5").write_bytes(segment_image(segment))
    return Run(run)


def scalars() -> Scalars:
    """Every name at every step, every value once and again."""
    keys = np.repeat(np.arange(len(NAMES)), len(STEPS))
    steps = np.tile(np.array(STEPS, np.int64), len(NAMES))
    values = np.resize(np.array(VALUES), len(keys))
    return Scalars(steps, 1e9 + np.arange(len(keys)) / 3, keys.astype(np.uint32), values)


def series(seed: int = 0) -> Series:
    """Any 32-bit floats at all, the strange ones among them; every other look has a histogram."""
    draw = np.random.default_rng(seed)
    shape = (len(STEPS), len(NAMES), len(STATISTICS))
    bits = draw.integers(0, 2**32, shape, dtype=np.uint64).astype(np.uint32)
    statistics = bits.view(np.float32)
    statistics[np.isnan(statistics)] = np.nan  # the usual one among them
    histogram = draw.integers(0, 2**16, (*shape[:2], BINS)).astype(np.uint16)
    histogram[::2] = 0
    times = 1e9 + np.arange(len(STEPS)) / 7
    places = np.arange(len(NAMES), dtype=np.uint32)
    return Series(np.array(STEPS), times, places, statistics, histogram)


def track() -> Track:
    values = np.array([[True, False], [False, False]])
    return Track("=masks", "[unit]", np.array([1, 2]), np.array([0.5, 1.5]), values)


def same(found: object, wanted: object) -> bool:
    """Equal, zeros with their sign; NaN is NaN."""
    one, other = np.asarray(found), np.asarray(wanted)
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    signs = np.signbit(one) == np.signbit(other)
    return np.array_equal(one, other, equal_nan=True) and bool(np.all(signs | np.isnan(one)))
