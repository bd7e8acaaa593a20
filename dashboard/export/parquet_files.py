"""Parquet: one file a table, exact; texts as dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from dashboard.export.tables import TABLES, Batch, Column, Words

if TYPE_CHECKING:
    from diagnostics.run import Run


def write_parquet(run: Run, folder: Path) -> None:
    """Every table of the run as `<table>.parquet`."""
    for name, table in TABLES.items():
        batches = map(_table, table(run))
        first = next(batches)
        path = folder / f"{name}.parquet"
        with parquet.ParquetWriter(path, first.schema, compression="zstd") as file:
            file.write_table(first)
            for batch in batches:
                file.write_table(batch)


def _table(batch: Batch) -> pa.Table:
    return pa.table({name: _array(column) for name, column in batch.items()})


def _array(column: Column) -> pa.Array:
    if isinstance(column, Words):
        words = pa.array(column.words, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(column.codes), words)
    return pa.array(column)
