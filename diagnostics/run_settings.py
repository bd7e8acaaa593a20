"""How runs were set: what differs between them first, and all that was the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from diagnostics.run import Run
from diagnostics.signs.settings import settings

Group = Literal[
    "arguments", "optimizer", "model", "layers", "data", "versions", "code", "machine", "recording"
]
GROUPS: tuple[Group, ...] = get_args(Group)  # what is most likely meant comes first
Known = dict[tuple[Group, str], str]
MOST_LETTERS = 200  # of one value
CHOSEN = ("config", "arguments", "hyperparameters")  # where a recording may keep what was chosen


@dataclass(frozen=True)
class Setting:
    """One setting, of each run; empty where a run does not have it."""

    group: Group
    name: str
    values: tuple[str, ...]  # [run]

    @property
    def differs(self) -> bool:
        """Between any two of the runs."""
        return len(set(self.values)) > 1


def run_settings(runs: Sequence[Run]) -> tuple[Setting, ...]:
    """Those that differ come first, in the order of their groups."""
    known = [_known(run) for run in runs]
    names = dict.fromkeys(name for own in known for name in own)
    found = [
        Setting(group, name, tuple(own.get((group, name), "") for own in known))
        for group, name in names
    ]
    return tuple(sorted(found, key=lambda each: (not each.differs, GROUPS.index(each.group))))


def _known(run: Run) -> Known:
    info = run.info
    told: dict[Group, Mapping[str, Any]] = {
        "arguments": _arguments(info),
        "optimizer": {**_optimizers(info), **_last_settings(run)},
        "model": _model(run),
        "layers": _layers(run),
        "data": _data(run),
        "versions": _mapping(info.get("versions")),
        "code": _mapping(info.get("git")),
        "machine": {"host": info.get("host", "")},
        "recording": _recording(info),
    }
    return {
        (group, str(name)): _text(value)
        for group, entries in told.items()
        for name, value in entries.items()
    }


def _mapping(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}


def _text(value: object) -> str:
    told = f"{value:.6g}" if isinstance(value, float) else str(value)
    return told if len(told) <= MOST_LETTERS else told[: MOST_LETTERS - 1] + "…"


def _arguments(info: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, if the recording keeps it; else the words of the command, by their names."""
    found = {}
    for place in CHOSEN:
        found.update(dict(_flat(_mapping(info.get(place)))))
    return {**_words(info.get("argv")), **found}


def _flat(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _words(argv: object) -> dict[str, str]:
    """`--lr 0.1`, `--lr=0.1` and `lr=0.1` are named; words alone are told together."""
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    found, alone = {"program": words[0]} if words else {}, []
    rest = iter(range(1, len(words)))
    for n in rest:
        name, sign, value = words[n].partition("=")
        if sign:
            found[name.lstrip("-")] = value
        elif name.startswith("-") and not _is_number(name):
            follows = n + 1 < len(words) and _is_value(words[n + 1])
            found[name.lstrip("-")] = words[next(rest)] if follows else "yes"
        else:
            alone.append(name)
    return {**found, "words": " ".join(alone)} if alone else found


def _is_value(word: str) -> bool:
    return not word.startswith("-") or _is_number(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _optimizers(info: Mapping[str, Any]) -> dict[str, str]:
    kinds = info.get("optimizers")
    return {"kind": ", ".join(map(str, kinds))} if isinstance(kinds, list) else {}


def _last_settings(run: Run) -> dict[str, str]:
    """Of each group of parameters; of what a schedule moves, from where to where."""
    names = [name for name in run.scalar_names if name.startswith("optimizer/")]
    alone = {name.split("/")[1] for name in names} <= {"0"}
    found = {}
    for name in names:
        values = run.scalar(name).values
        _, group, *setting = name.split("/")
        title = "/".join(setting) + ("" if alone else f", group {group}")
        found[title] = " → ".join(dict.fromkeys(f"{v:.6g}" for v in (values[0], values[-1])))
    return found


def _model(run: Run) -> dict[str, Any]:
    told = _mapping(run.info.get("model"))
    frozen = [name for name, tensor in run.parameters.items() if not tensor.trainable]
    return {
        "class": told.get("class", ""),
        "parameters": told.get("parameters", ""),
        "frozen": ", ".join(frozen) or "none",
        "recorded layers": told.get("layers") or "all",
    }


def _layers(run: Run) -> dict[str, str]:
    """Shape of each parameter, and what its modules were set to, as they were at first."""
    found = {name: tensor.shape for name, tensor in run.parameters.items()}
    first = next(iter(settings(run)), None)
    for module, own in _mapping(first.state.get("settings") if first else None).items():
        for setting, value in _mapping(own).items():
            found[f"{module or '(model)'}: {setting}"] = str(value)
    return found


def _data(run: Run) -> dict[str, Any]:
    names = {"batches/size": "batch size", "validation/size": "held-out examples"}
    found = {}
    for scalar, name in names.items():
        if scalar in run.scalar_names:
            found[name] = float(run.scalar(scalar).values[0])
    return found


def _recording(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schedule": info.get("schedule", ""),
        "probes": ", ".join(_mapping(info.get("series"))) or "none",
    }
