from __future__ import annotations

import ast
import inspect
from pathlib import Path

from diagnostics import checks
from diagnostics import thresholds as limits
from diagnostics.checks.questions import CHECKS
from diagnostics.thresholds import tomllib


def test_every_check_is_one_file_with_a_function_of_its_name():
    for name, check in CHECKS.items():
        home = Path(inspect.getfile(check))
        assert check.__name__ == home.stem
        assert name.replace(" ", "_").endswith(home.stem)
        assert ast.get_docstring(ast.parse(home.read_text(encoding="utf-8")))


def test_every_table_of_limits_is_read_by_a_check():
    text = Path(limits.__file__).with_suffix(".toml").read_text(encoding="utf-8")
    tables = {name for name in tomllib.loads(text) if name.startswith("preflight.")}
    read = {
        f"preflight.{path.stem}"
        for path in Path(checks.__file__).parent.glob("*.py")
        if f'thresholds("preflight.{path.stem}")' in path.read_text(encoding="utf-8")
    }
    assert tables == read
