"""A model's parameters and buffers, copied into one stretch of host memory without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from probes.sampling import local
from probes.snapshot_file import KNOWN, Row

ALIGNED = 64  # bytes: every tensor can be viewed as its own type where it lies in the copy


@dataclass(frozen=True)
class Part:
    """A tensor of the model, or this process's part of it."""

    name: str
    tensor: Tensor
    note: str
    frozen: bool

    @classmethod
    def of(cls, name: str, tensor: Tensor) -> Part:
        note = ""
        if hasattr(tensor, "placements"):
            note = f"a shard of {'x'.join(map(str, tensor.shape))}, {tensor.placements}"
        frozen = isinstance(tensor, nn.Parameter) and not tensor.requires_grad
        return cls(name, local(tensor.detach()), note, frozen)

    @property
    def size(self) -> int:
        return self.tensor.numel() * self.tensor.element_size()

    @property
    def place(self) -> Any:
        """Where its elements lie: two tensors of one place are one. An empty one lies nowhere."""
        t = self.tensor
        if not t.numel():
            return self.name
        return t.device, t.data_ptr(), t.shape, t.stride(), t.dtype, t.is_conj(), t.is_neg()


def weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer by each of its names, in the order of a state_dict.

    No state_dict is asked for: its hooks may gather shards of all processes.
    """
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None:
                yield f"{prefix}.{name}" if prefix else name, tensor


def unfit(tensor: Tensor) -> str:
    """Why it cannot be copied as it is, if so."""
    if is_lazy(tensor):
        return "has no shape yet"
    if tensor.is_nested or tensor.layout is not torch.strided:
        return f"is {'nested' if tensor.is_nested else str(tensor.layout).removeprefix('torch.')}"
    if tensor.device.type == "meta":
        return "has no elements (device 'meta')"
    if _kind(tensor) not in KNOWN:
        return f"is of {_kind(tensor)}, which is not recorded"
    try:
        hollow = local(tensor.detach()).data_ptr() == 0 and local(tensor).numel() > 0
    except RuntimeError:  # a tensor made of others
        hollow = True
    return f"is a {type(tensor).__name__} without memory of its own" if hollow else ""


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def place(parts: list[Part]) -> list[Row]:
    """Each tensor's place in one copy of all; a second name of one takes none."""
    rows, first, at = [], dict[Any, str](), 0
    for part in parts:
        shape, kind = tuple(part.tensor.shape), _kind(part.tensor)
        alias = first.setdefault(part.place, part.name)
        if alias != part.name:
            rows.append(Row(part.name, shape, kind, 0, alias=alias, note=part.note))
            continue
        rows.append(Row(part.name, shape, kind, part.size, at, note=part.note))
        at += -(-part.size // ALIGNED) * ALIGNED
    return rows


class HostCopy:
    """Memory on the host that holds one snapshot; the next one takes it over."""

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8, device="cpu")

    def take(self, parts: list[Part], rows: list[Row]) -> list[torch.cuda.Event]:
        """Start to copy; all has arrived when these events have happened."""
        devices = {part.tensor.device for part in parts if part.tensor.is_cuda}
        self._make_room(_end(rows), pinned=bool(devices))
        with torch.no_grad():
            for part, row in zip(parts, rows, strict=True):
                if not row.alias:
                    cut = self._memory[row.offset : row.offset + row.bytes]
                    host = cut.view(part.tensor.dtype).view(part.tensor.shape)
                    host.copy_(part.tensor, non_blocking=part.tensor.is_cuda)
        return [_event(device) for device in devices]

    def _make_room(self, size: int, *, pinned: bool) -> None:
        if len(self._memory) < size or (pinned and not self._memory.is_pinned()):
            self._memory = torch.empty(size, dtype=torch.uint8, device="cpu", pin_memory=pinned)

    def view(self, rows: list[Row]) -> memoryview:
        return self._memory.numpy().data[: _end(rows)]


def _end(rows: list[Row]) -> int:
    return max((row.offset + row.bytes for row in rows), default=0)


def _event(device: torch.device) -> torch.cuda.Event:
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record(torch.cuda.current_stream(device))
    return arrived
