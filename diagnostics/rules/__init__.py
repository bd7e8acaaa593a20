"""Rules: one disease, one file, one function of the file's name; its docstring documents it.

A rule's file may say in EXPLAINS which diseases, where they are found too, are its consequences.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from diagnostics.finding import Rule


def rules() -> dict[str, Rule]:
    """Every rule by its disease: the folder is the registry."""
    return {name: getattr(module, name) for name, module in _modules().items()}


def consequences() -> dict[str, tuple[str, ...]]:
    """Of each disease those that it explains."""
    return {name: getattr(module, "EXPLAINS", ()) for name, module in _modules().items()}


def documentation() -> dict[str, str]:
    """Of each disease its page."""
    return {name: module.__doc__ or "" for name, module in _modules().items()}


def _modules() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: importlib.import_module(f"diagnostics.rules.{name}") for name in names}
