"""Why a model cannot be exported, in words that help: where, what is in the way, the way round."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from probes.folder import NotRecordable

_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent), "<")
LIVE = "Or analyse live: Subject(model, loss, batch), or --subject module:factory."
_LINE = re.compile(r'File "([^"]+)", line (\d+), in \S+\n\s*(.+)')
_CAUSES = (
    (
        r"data-dependent|GuardOnDataDependent|unbacked",
        "Python decides by the value of a tensor, and a program has but one course",
        "write torch.where(condition, a, b), or pass the decision in as a plain argument",
    ),
    (
        r"\.numpy\(\)|numpy",
        "a tensor is handed to numpy, which a program does not see",
        "compute with torch",
    ),
    (
        r"Custom|torchbind|torch\.ops\.(?!aten)",
        "an operation is not torch's own",
        "give the layer a form of plain torch operations for the recording",
    ),
    (
        r"\bitem\.default|_local_scalar_dense",
        "a tensor is made a Python number",
        "keep it a tensor",
    ),
    (
        r"torch\.(cond|while_loop|map|scan)",
        "the course of the computation is decided by the value of a tensor",
        "write torch.where(condition, a, b)",
    ),
)


def refusal(error: Exception) -> NotRecordable:
    """The error of torch.export as ours."""
    if isinstance(error, NotRecordable):
        return error
    text = f"{type(error).__name__}: {error}"
    where = _written(text) or _raised(error)
    for pattern, cause, remedy in _CAUSES:
        if re.search(pattern, text):
            return NotRecordable(f"{cause}{where}; {remedy}. {LIVE}")
    first = text.strip().splitlines()[0][:200]
    return NotRecordable(f"torch.export refuses the model{where}: {first}. {LIVE}")


def _written(trace: str) -> str:
    """The last line of the user's that a trace names."""
    found = [hit for hit in _LINE.findall(trace) if not hit[0].startswith(_OURS)]
    return _place(*found[-1]) if found else ""


def _raised(error: BaseException) -> str:
    """The last line of the user's that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(_OURS)]
    return _place(theirs[-1].filename, theirs[-1].lineno, theirs[-1].line or "") if theirs else ""


def _place(file: str, line: object, code: str) -> str:
    return f" (at {file}:{line}: `{code.strip()[:80]}`)"


def foreign(op: str, trace: str, traced: Callable[[], str] = str) -> NotRecordable:
    """An operation that is not on the list; `traced` is asked where the trace names nobody."""
    where = _written(trace) or _written(traced())
    for pattern, cause, remedy in _CAUSES:
        if re.search(pattern, op):
            return NotRecordable(f"{cause}{where}; {remedy}. {LIVE}")
    return NotRecordable(
        f"the operation {op}{where} is not one that a recording may hold; express it by other "
        f"torch operations, or ask for it to be added. {LIVE}"
    )
