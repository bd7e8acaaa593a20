"""Thirty seconds before the hours: asks a model, its loss and a batch what can be known at once."""

from diagnostics.checks.preflight import preflight

__all__ = ["preflight"]
