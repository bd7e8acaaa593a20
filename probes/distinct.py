"""Of every weight matrix the share of its rows that differ: units that start alike stay alike.

Exact, by a number for each row's bits, of at most 256 rows and a million elements of a matrix; at
the first record and then at every eighth power. Embeddings and normalisations have rows of another
kind and are left out. No device is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from probes.batch_numbers import fingerprints
from probes.parameters import EMBEDDINGS, NORMS
from probes.probe import Moment
from probes.sampling import fits, local

GROWTH = 8  # looked at are the records 1, 64, 512, 4096, …
SECOND = 64
ROWS, ELEMENTS = 256, 1 << 20


class Distinct:
    """Tells one array of shares, with the matrices' names beside it."""

    series = "distinct"
    state = "after the step; of at most 256 rows and 2^20 elements of a matrix"

    def __init__(self) -> None:
        self._records, self._next = 0, 1

    def step(self, moment: Moment) -> None:
        self._records += 1
        if self._records < self._next:
            return
        self._next = max(SECOND, GROWTH * self._records)
        with torch.no_grad():
            shares = {name: _share(weight) for name, weight in _matrices(moment.model)}
        if shares:
            first = next(iter(shares.values()))
            values = torch.stack([share.to(first.device) for share in shares.values()])
            moment.array("distinct", values, f"[parameter: {', '.join(shares)}]")


def _matrices(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What maps to several units, with one row each; one that is shared under its first name."""
    met: set[int] = set()
    for name, module in model.named_modules():
        is_other = isinstance(module, (*NORMS, *EMBEDDINGS))
        is_leaf = not any(True for _ in module.children())
        for place, parameter in module.named_parameters(name, recurse=False):
            named = is_leaf or "weight" in place.rpartition(".")[2]
            if named and not is_other and id(parameter) not in met and _has_rows(parameter):
                yield place, local(parameter)
            met.add(id(parameter))


def _has_rows(parameter: Tensor) -> bool:
    weight = local(parameter)
    if is_lazy(weight) or not fits(weight) or weight.ndim < 2 or not weight.numel():
        return False
    return len(weight) > 1 and weight.numel() <= ELEMENTS * len(weight)


def _share(weight: Tensor) -> Tensor:
    """NaN where not every element is finite: then units are alike for another reason."""
    rows = _sample(weight)
    finite = rows.isfinite().all()
    if rows.dtype == torch.float64:  # else fingerprints would round it
        rows = rows.view(torch.int64)
    ordered = fingerprints(rows).sort().values
    share = (1 + (ordered[1:] != ordered[:-1]).sum()) / len(rows)
    return torch.where(finite, share, torch.nan)


def _sample(weight: Tensor) -> Tensor:
    """Rows evenly spread over all, and each whole; zeros have no sign here."""
    columns = weight.numel() // len(weight)
    most = min(len(weight), ROWS, max(2, ELEMENTS // columns))
    chosen = torch.arange(most, device=weight.device) * len(weight) // most
    rows = weight[chosen].reshape(most, columns)
    return rows + 0.0 if rows.dtype in (torch.float32, torch.float64) else rows.float() + 0.0
