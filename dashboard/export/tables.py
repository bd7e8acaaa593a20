"""A recording as five flat tables, in batches: what CSV and Parquet files are written from.

The first batch of each may be empty: it says which columns there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dashboard.export.columns import BIN_NAMES, derived
from diagnostics.rows import STATISTICS, Rows, rows

if TYPE_CHECKING:
    from diagnostics.run import Run

AT_ONCE = 1 << 16  # rows of a batch
NOTHING = np.zeros(0)
NO_ROWS = Rows(
    0,
    NOTHING.astype(np.int64),
    NOTHING,
    (),
    np.zeros((0, 0, len(STATISTICS)), np.float32),
    np.zeros((0, 0, len(BIN_NAMES)), np.uint16),
)


@dataclass(frozen=True)
class Words:
    """A column of text in which few words come again and again."""

    codes: NDArray[np.int32]  # [row]  which of the words
    words: tuple[str, ...]


Numbers: TypeAlias = "NDArray[Any]"
Column: TypeAlias = "Numbers | Words"
Batch: TypeAlias = dict[str, Column]
Table: TypeAlias = Callable[["Run"], Iterator[Batch]]


def words(texts: Sequence[str]) -> Words:
    """A column of texts; a letter that no encoding knows stands as its escape."""
    written = [text.encode(errors="backslashreplace").decode() for text in texts]
    known = {text: code for code, text in enumerate(dict.fromkeys(written))}
    return Words(np.array([known[text] for text in written], np.int32), tuple(known))


def at(column: Column, rows: NDArray[np.intp]) -> Column:
    """Some rows of a column."""
    return Words(column.codes[rows], column.words) if isinstance(column, Words) else column[rows]


def scalars(run: Run) -> Iterator[Batch]:
    """Every logged value: step, time, name, value."""
    yield _logged("", NOTHING, NOTHING, NOTHING)
    for name in run.scalar_names:
        found = run.scalar(name)
        for start in range(0, len(found.steps), AT_ONCE):
            cut = slice(start, start + AT_ONCE)
            yield _logged(name, found.steps[cut], found.times[cut], found.values[cut])


def statistics(run: Run) -> Iterator[Batch]:
    """A row for each look at a tensor: where, when, the recorded statistics, what follows."""
    sizes = {name: tensor.size for name, tensor in run.tensors.items()}
    for block, batch in _looks(run):
        elements = np.array([sizes[name] for name in block.tensors], np.int64)
        more = derived(block.statistics, elements)
        batch |= {name: block.statistics[:, :, n].ravel() for n, name in enumerate(STATISTICS)}
        yield batch | {name: values.ravel() for name, values in more.items()}


def histograms(run: Run) -> Iterator[Batch]:
    """A row for each histogram: where, when, and a count for each bin."""
    for block, batch in _looks(run):
        bins = block.histogram.reshape(-1, len(BIN_NAMES)).astype(np.int64)
        (there,) = np.nonzero(bins.any(axis=1))
        where = {name: at(column, there) for name, column in batch.items()}
        yield where | dict(zip(BIN_NAMES, bins[there].T, strict=True))


def events(run: Run) -> Iterator[Batch]:
    """What happened: exceptions, resumes, losses of data."""
    found = run.events
    yield {
        "step": np.array([event.step for event in found], np.int64),
        "time": np.array([event.time for event in found], np.float64),
        "kind": words([event.kind for event in found]),
        "text": words([event.text for event in found]),
    }


def tensors(run: Run) -> Iterator[Batch]:
    """Every recorded tensor, in the order of the forward pass."""
    found = run.tensors.values()
    yield {
        "tensor": words([tensor.name for tensor in found]),
        **_facts(run, tuple(run.tensors)),
        "module_type": words([tensor.module_type for tensor in found]),
        "shape": words([tensor.shape for tensor in found]),
        "dtype": words([tensor.dtype for tensor in found]),
        "trainable": np.array([tensor.trainable for tensor in found], np.bool_),
        "elements": np.array([tensor.size for tensor in found], np.int64),
    }


TABLES: dict[str, Table] = {
    "scalars": scalars,
    "statistics": statistics,
    "histograms": histograms,
    "events": events,
    "tensors": tensors,
}


def _logged(name: str, steps: Numbers, times: Numbers, values: Numbers) -> Batch:
    return {
        "step": steps.astype(np.int64),
        "time": times.astype(np.float64),
        "name": at(words([name]), np.zeros(len(steps), np.intp)),
        "value": values.astype(np.float64),
    }


def _looks(run: Run) -> Iterator[tuple[Rows, Batch]]:
    """Blocks of all series, and the columns that say where and when each row was taken."""
    yield NO_ROWS, _where("", NO_ROWS, _facts(run, ()))
    for series in run.series:
        for whole in rows(run, series):
            facts = _facts(run, whole.tensors)
            for block in whole.cut(AT_ONCE):
                yield block, _where(series, block, facts)


def _facts(run: Run, names: tuple[str, ...]) -> Batch:
    """What tells a tensor's rows from others, beside each of them: no join is needed."""
    known = run.tensors
    found = [known[name] for name in names]
    return {
        "module": words([tensor.module for tensor in found]),
        "role": words([tensor.role for tensor in found]),
        "depth": np.array([tensor.depth for tensor in found], np.int64),
    }


def _where(series: str, block: Rows, facts: Batch) -> Batch:
    """Of each row: all tensors of the first record, all of the second, …"""
    many = len(block.tensors)
    place = np.tile(np.arange(many), len(block.steps))
    return {
        "series": at(words([series]), np.zeros(len(place), np.intp)),
        "step": np.repeat(block.steps.astype(np.int64), many),
        "time": np.repeat(block.times.astype(np.float64), many),
        "tensor": at(words(block.tensors), place),
        **{name: at(column, place) for name, column in facts.items()},
    }
