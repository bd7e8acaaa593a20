"""TensorBoard: an event file with what was logged, curves and histograms by layer, and verdicts.

TensorBoard holds a number in 32 bits. What was logged is written whole; of each layer as many
records as TensorBoard shows, evenly spread, the first and the last among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from dashboard.export.columns import AT, derived
from dashboard.export.tables import words
from dashboard.text import wrapped
from dashboard.wording import layers, number, steps
from dashboard.wording import words as in_words
from diagnostics.rows import BINS, LOWEST_OCTAVE, Rows, rows

if TYPE_CHECKING:
    from diagnostics.finding import Finding
    from diagnostics.run import Run

FILE = "events.out.tfevents.0.fathom"
RECORDED, FOLLOWING = ("mean", "std"), ("rms", "zeros_share", "nonfinite_share")
CURVE, HISTOGRAMS = 1000, 500  # records: what TensorBoard keeps of each, unless told otherwise
AT_ONCE = 1 << 14  # rows
OCTAVES = np.arange(LOWEST_OCTAVE, LOWEST_OCTAVE + BINS + 1, dtype=float)  # edges of log2 |x|


def write_tensorboard(run: Run, folder: Path) -> None:
    """One event file: open the folder with `tensorboard --logdir`."""
    with (folder / FILE).open("wb") as file:
        writer = RecordWriter(file)
        head = Event(wall_time=_began(run), file_version="brain.Event:2")
        writer.write(head.SerializeToString())
        for event in _events(run):
            writer.write(event.SerializeToString())


def _events(run: Run) -> Iterator[Event]:
    yield from _scalars(run)
    for series in run.series:
        yield from _layers(run, series)
    yield from _happened(run)
    yield from _verdicts(run)


def _began(run: Run) -> float:
    """When the first value was logged: TensorBoard lists its runs by it."""
    times = (run.scalar(name).times for name in run.scalar_names)
    return min((float(each[0]) for each in times), default=0.0)


def _scalars(run: Run) -> Iterator[Event]:
    for name in run.scalar_names:
        found, tag = run.scalar(name), _tag(name)
        columns = (found.steps.tolist(), found.times.tolist(), _small(found.values))
        for step, time, value in zip(*columns, strict=True):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            yield Event(step=step, wall_time=time, summary=summary)


def _layers(run: Run, series: str) -> Iterator[Event]:
    """`<tensor>/<series>/<quantity>` for each quantity, and the histogram of magnitudes."""
    sizes = {name: tensor.size for name, tensor in run.tensors.items()}
    curve, histograms = (_spread(len(run.steps(series)), most) for most in (CURVE, HISTOGRAMS))
    for whole in rows(run, series):
        elements = np.array([sizes[name] for name in whole.tensors], np.int64)
        for block in whole.cut(AT_ONCE):
            records = block.first + np.arange(len(block.steps))
            yield from _curves(series, block, elements, np.flatnonzero(np.isin(records, curve)))
            yield from _histograms(series, block, np.flatnonzero(np.isin(records, histograms)))


def _spread(many: int, most: int) -> NDArray[np.int64]:
    """Which of so many records are written."""
    return np.unique(np.linspace(0, max(0, many - 1), min(many, most)).round().astype(np.int64))


def _curves(
    series: str, block: Rows, elements: NDArray[np.int64], records: NDArray[np.intp]
) -> Iterator[Event]:
    more = derived(block.statistics[records], elements)
    columns = [block.statistics[records][:, :, AT[name]] for name in RECORDED]
    columns += [more[name] for name in FOLLOWING]
    tags = [
        _tag(f"{tensor}/{series}/{quantity}")
        for quantity in (*RECORDED, *FOLLOWING)
        for tensor in block.tensors
    ]
    values = np.concatenate(columns, axis=1)  # [record, quantity and tensor]
    for place, row in zip(records.tolist(), values.tolist(), strict=True):
        summary = Summary(
            value=[Summary.Value(tag=t, simple_value=v) for t, v in zip(tags, row, strict=True)]
        )
        yield Event(step=_step(block, place), wall_time=_time(block, place), summary=summary)


def _histograms(series: str, block: Rows, records: NDArray[np.intp]) -> Iterator[Event]:
    """Of log2 |x|: on TensorBoard's even axis the magnitudes themselves would be one bar."""
    tags = [_tag(f"{tensor}/{series}/log2 magnitude") for tensor in block.tensors]
    for place in records.tolist():
        counts = block.histogram[place]  # [tensor, bin]
        values = [
            Summary.Value(tag=tags[tensor], histo=_histogram(counts[tensor]))
            for tensor in np.flatnonzero(counts.any(axis=1)).tolist()
        ]
        summary = Summary(value=values)
        yield Event(step=_step(block, place), wall_time=_time(block, place), summary=summary)


def _histogram(counts: NDArray[Any]) -> HistogramProto:
    """From the first bin that holds anything to the last."""
    there = np.flatnonzero(counts)
    first, last = int(there[0]), int(there[-1])
    centres, inside = OCTAVES[first : last + 1] + 0.5, counts[first : last + 1].astype(float)
    return HistogramProto(
        min=OCTAVES[first],
        max=OCTAVES[last + 1],
        num=float(inside.sum()),
        sum=float(centres @ inside),
        sum_squares=float(centres**2 @ inside),
        bucket_limit=OCTAVES[first + 1 : last + 2].tolist(),
        bucket=inside.tolist(),
    )


def _happened(run: Run) -> Iterator[Event]:
    for event in run.events:
        yield _text(f"events/{event.kind}", [*_broken("", event.text)], event.step, event.time)


def _verdicts(run: Run) -> Iterator[Event]:
    from diagnostics.doctor import examine

    told, began = examine(run), _began(run)
    for finding in (*told.findings, *told.hints):
        yield _text(f"verdicts/{finding.disease}", list(_lines(finding)), finding.steps[0], began)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity}: {in_words(finding.disease)}, {steps(finding.steps)}"
    yield from wrapped(finding.symptom, "", "")
    for each in finding.evidence:
        limit = f"{each.passes} {number(each.threshold)}"
        yield from wrapped(f"{in_words(each.name)}: {number(each.value)} ({limit})", "  ", "  ")
    told = {"where": layers(finding.layers), "cause": finding.cause, "remedy": finding.remedy}
    for term, text in told.items():
        yield from _broken(f"{term}: ", text)


def _broken(first: str, text: str) -> Iterator[str]:
    """Into lines that a page has room for, where its own do not end before."""
    for place, line in enumerate(text.splitlines()):
        yield from wrapped(line, "  " if place else first, "  ")


def _text(tag: str, lines: Sequence[str], step: int, time: float) -> Event:
    """As code, which TensorBoard shows letter by letter: a name is never markup."""
    written = "\n".join(f"    {line}" for line in lines)
    tensor = TensorProto(
        dtype=DT_STRING,
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        string_val=[written.encode(errors="backslashreplace")],
    )
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    value = Summary.Value(tag=_tag(tag), tensor=tensor, metadata=about)
    return Event(step=step, wall_time=time, summary=Summary(value=[value]))


def _tag(name: str) -> str:
    """A letter that no encoding knows stands as its escape."""
    return words([name]).words[0]


def _small(values: NDArray[np.float64]) -> list[float]:
    """In 32 bits; what they cannot hold is infinite."""
    with np.errstate(over="ignore"):
        small: list[float] = values.astype(np.float32).tolist()
    return small


def _step(block: Rows, record: int) -> int:
    return int(block.steps[record])


def _time(block: Rows, record: int) -> float:
    return float(block.times[record])
