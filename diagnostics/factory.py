"""Calls a function of the user's that is named on the command line: "module:factory"."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from probes.folder import FathomError


def made_by(place: str) -> Any:
    """What the function gives; modules are looked for in the current directory first."""
    module, _, name = place.partition(":")
    if not module or not name.isidentifier():
        raise FathomError(
            f"'{place}' names no factory; write it as module:function, such as "
            "--subject training:make_subject."
        )
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise FathomError(
            f"there is no module '{error.name}' to take '{name}' from; start from the folder that "
            "holds it."
        ) from error
    factory = getattr(found, name, None)
    if not callable(factory):
        there = ", ".join(n for n, v in vars(found).items() if callable(v) and n[0] != "_")
        raise FathomError(f"'{module}' has no function '{name}' (it has: {there or 'none'}).")
    return factory()
