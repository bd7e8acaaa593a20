"""How the model was set while it trained: modes, what is frozen, what the optimizers hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered


@dataclass(frozen=True)
class Settings:
    """From a step on, until the next."""

    step: int
    state: Mapping[str, Any]  # as probes.modes tells it

    def flag(self, kind: str, name: str) -> bool | None:
        """Of the nearest name above this one that was told; None if nothing was."""
        told: Mapping[str, bool] = self.state.get(kind, {})
        while name and name not in told:
            name = name.rpartition(".")[0]
        return told.get(name)

    def modules(self, setting: str) -> dict[str, Any]:
        """What each module that has this setting has it at."""
        told: Mapping[str, Any] = self.state.get("settings", {})
        return {name: own[setting] for name, own in told.items() if setting in own}

    def type_of(self, module: str) -> str:
        return str(self.state.get("settings", {}).get(module, {}).get("type", ""))


@remembered
def settings(run: Run) -> tuple[Settings, ...]:
    """All that there were, in order; none where probes.Modes was not asked."""
    told: list[Settings] = []
    for event in run.events:
        if event.kind == "modes":
            before = told[-1].state if told else {}
            told.append(Settings(event.step, _merged(before, json.loads(event.text))))
    return tuple(told)


def facts(run: Run, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """The events of a kind whose text is JSON, with their steps."""
    return [(event.step, json.loads(event.text)) for event in run.events if event.kind == kind]


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch (RFC 7386) applied."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            inside = new.get(name)
            new[name] = _merged(inside if isinstance(inside, dict) else {}, value)
        else:
            new[name] = value
    return new
