"""The rules' thresholds, read from thresholds.toml: one place, each with where it comes from."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@cache
def thresholds(rule: str) -> dict[str, float]:
    """A rule's thresholds by name."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {name: entry["value"] for name, entry in tomllib.loads(text)[rule].items()}
