"""Arguments of a program's operations as JSON: references, numbers, and a few tagged literals.

"%relu" is the result of a node and "parameter:0.weight" a named tensor; every other text is tagged:
{"text": "tanh"}, {"dtype": "float32"}, {"memory_format": "contiguous_format"}, {"float": "inf"}.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from probes.folder import ProgramError

NODE = "%"
MEMORY_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
DTYPES = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
LONGEST = 4096  # parts of one list


def write_literal(value: Any) -> Any:
    """What JSON holds for a literal; a value that is no literal of ours is refused."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memory_format": str(value).removeprefix("torch.")}
    raise TypeError(f"a literal of type {type(value).__name__}")


def read_literal(tagged: dict[str, Any]) -> Any:
    """A tagged literal as Python has it."""
    if len(tagged) == 1:
        [(tag, text)] = tagged.items()
        table: dict[str, Any] = {"float": _SPECIAL, "dtype": DTYPES}.get(tag, {})
        if type(text) is str and text in table:
            return table[text]
        if tag == "text" and type(text) is str and len(text) < 100:
            return text
        if tag == "memory_format" and text in MEMORY_FORMATS:
            return getattr(torch, text)
    raise ProgramError(
        f"{str(tagged)[:80]} is no literal; there are text, float, dtype, "
        "memory_format. Record the run again, or copy it anew."
    )


def is_reference(value: Any) -> bool:
    return type(value) is str


def references(value: Any) -> Iterator[str]:
    """Every reference in an argument; lists nest once (of lists of tensors torch has none)."""
    for part in value if type(value) is list else (value,):
        if is_reference(part):
            yield part


def replaced(value: Any, new: Callable[[str], Any]) -> Any:
    """The argument with other references."""
    if type(value) is list:
        return [replaced(part, new) for part in value]
    return new(value) if is_reference(value) else value
