"""Which layer's output goes straight into which: what a printed model does not tell.

Written once, as an event of JSON, at the first recorded step whose passes were seen: of each layer
the one whose very output it was given first, as in {"1": "0", "2": "1"}. A layer that is not named
was given something that no layer gave: the data, a sum, a view.
"""

from __future__ import annotations

import json
import weakref

from torch import Tensor

from probes.probe import Call, Moment


class Wiring:
    """Follows tensors from layer to layer, by identity."""

    series = "wiring"
    state = "in the first training passes that were seen"

    def __init__(self) -> None:
        self.is_done = False
        self._from: dict[str, str | None] = {}  # by the layer that was given it
        self._givers: dict[int, tuple[weakref.ref[Tensor], str]] = {}

    def called(self, call: Call) -> None:
        if self.is_done or not call.inputs:
            return
        self._from.setdefault(call.name, self._giver(call.inputs[0]))
        for _, tensor in call.outputs:  # one changed in place is from now on the later layer's
            self._givers[id(tensor)] = weakref.ref(tensor), call.name

    def _giver(self, given: object) -> str | None:
        """Addresses are used again, so that one alone says nothing."""
        tensor, name = self._givers.get(id(given), (None, ""))
        return name if tensor is not None and tensor() is given else None

    def step(self, moment: Moment) -> None:
        if self.is_done or not self._from:
            return
        wires = {layer: giver for layer, giver in self._from.items() if giver is not None}
        moment.event("wiring", json.dumps(wires, separators=(",", ":")))
        self.is_done = True
        self._from.clear()
        self._givers.clear()
