"""Rules: one disease, one file, one function of the file's name; its docstring documents it."""

from __future__ import annotations

import importlib
import pkgutil

from diagnostics.finding import Rule


def rules() -> dict[str, Rule]:
    """Every rule by its disease: the folder is the registry."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {
        name: getattr(importlib.import_module(f"diagnostics.rules.{name}"), name) for name in names
    }
