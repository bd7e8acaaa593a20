"""What may be asked of a run from a page: every analysis, with those of its options that are safe.

They are read off the command line's own parsers, so that a page and a shell can never differ. Left
out is what names a file or a function to call, and what is the machine's business.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from diagnostics.run import FathomError

Kind = Literal["choice", "flag", "step", "whole", "text", "runs"]

OURS = ("device", "workers")
CODE = "MODULE:FUNCTION"  # what such an option names would be imported and called
LONGEST = 200  # letters of an answer
BESIDE = 4  # runs that may be named besides the first


@dataclass(frozen=True)
class Field:
    """One option."""

    name: str
    flag: str  # "": it has a place instead of a name
    kind: Kind
    told: str
    words: tuple[str, ...] = ()  # to choose from
    default: str = ""
    many: int = 1  # answers


@dataclass(frozen=True)
class Question:
    """One analysis."""

    name: str
    told: str
    fields: tuple[Field, ...]

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize().replace("Mc ", "MC ")

    def command(
        self, run: Path, answers: Mapping[str, Any], paths: Mapping[str, Path]
    ) -> list[str]:
        """The arguments of `fathom`; `paths` are of the runs that may be named.

        Every answer stands behind its option's own name: none can be taken for another option.
        """
        told = [part for field in self.fields for part in _told(field, answers, paths)]
        return ["analyse", self.name, str(run.absolute()), *told]


@cache
def questions() -> dict[str, Question]:
    """All of them, by their names."""
    from dashboard.analyse import add_analyses

    parsers: dict[str, argparse.ArgumentParser] = {}

    def add(name: str, told: str, _: str) -> argparse.ArgumentParser:
        parsers[name] = argparse.ArgumentParser(description=told)
        return parsers[name]

    add_analyses(add)
    return {
        name: Question(name, parser.description or "", tuple(_fields(parser)))
        for name, parser in parsers.items()
    }


def _fields(parser: argparse.ArgumentParser) -> Iterator[Field]:
    for action in parser._actions:
        if action.dest not in ("help", "run", *OURS) and _is_safe(action):
            yield _field(action)


def _is_safe(action: argparse.Action) -> bool:
    if action.option_strings and action.type is Path:
        return False
    return action.metavar != CODE or action.nargs == "?"


def _field(action: argparse.Action) -> Field:
    flag = action.option_strings[0] if action.option_strings else ""
    plain = isinstance(action.default, (str, float, int)) and action.default is not False
    default = str(action.default) if plain else ""
    many = BESIDE if action.nargs in ("*", "+") else 1
    words = tuple(map(str, action.choices or ()))
    return Field(action.dest, flag, _kind(action), action.help or "", words, default, many)


def _kind(action: argparse.Action) -> Kind:
    if not action.option_strings:
        return "runs"
    if action.choices:
        return "choice"
    if action.nargs in (0, "?"):
        return "flag"
    if action.dest in ("step", "towards", "other_step"):
        return "step"
    return "whole" if action.type is int else "text"


def _told(field: Field, answers: Mapping[str, Any], paths: Mapping[str, Path]) -> list[str]:
    answer = answers.get(field.name)
    if field.kind == "runs":
        return [str(_known(each, paths).absolute()) for each in answer or [] if each]
    if field.kind == "flag":
        return [field.flag] if answer else []
    text = _text(field, answer)
    if not text or text == field.default:
        return []
    if field.words and text not in field.words:
        raise FathomError(f"no {field.name} {text!r} (there are: {', '.join(field.words)})")
    if field.many > 1:
        return [field.flag, *(_one(field, each) for each in text.replace(",", " ").split())]
    return [f"{field.flag}={text}"]


def _one(field: Field, text: str) -> str:
    if text.startswith("-"):
        raise FathomError(f"{text!r} is no answer to '{field.name}': {field.told}")
    return text


def _text(field: Field, answer: Any) -> str:
    text = "" if answer is None else str(answer).strip()
    if isinstance(answer, (list, dict)) or len(text) > LONGEST or not text.isprintable():
        raise FathomError(f"{text[:60]!r} is no answer to '{field.name}': {field.told}")
    return text


def _known(name: Any, paths: Mapping[str, Path]) -> Path:
    if name not in paths:
        raise FathomError(f"no run {str(name)[:60]!r} here; choose one from the list")
    return paths[name]
