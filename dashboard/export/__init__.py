"""Exports a recording to what other programs read: CSV, Parquet, netCDF, TensorBoard."""

from __future__ import annotations

from dashboard.export.export import export

__all__ = ["export"]
