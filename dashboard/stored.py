"""Results that a command computed and stored in the run's folder: the newest, one chosen, or none.

A panel whose analysis pokes the model does not compute: it shows what is stored, or says how to
get it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dashboard.markup import Element, element

if TYPE_CHECKING:
    from dashboard.panel import StoredPanel
    from diagnostics.run import Run

R = TypeVar("R")

HEADING = "Computed on demand"
UNFINISHED = (
    "This picture is refined for as long as it is being computed. If that has ended, compute the "
    "same again, on the page Ask or with the same command: it goes on where it was."
)
NO_PROGRAM = (
    "Nothing can be computed around these weights: the recording holds no loss program. "
    "Record one: Recorder(…, loss=loss_fn, batch=(x, y))"
)
NOTHING_ELSE = NO_PROGRAM.replace("Nothing", "Nothing else")


def _nothing(_: Run) -> str:
    return ""


@dataclass(frozen=True)
class Stored(Generic[R]):
    """The results of one analysis in a run's folder."""

    kind: type[R]
    command: str  # of `fathom analyse`, with its options after the run
    label: Callable[[R], str]  # tells it from the others of its kind
    # the command for a run without a loss program, if what was recorded is enough; "": it is not
    without_program: Callable[[Run], str] = _nothing

    def command_for(self, run: Run) -> str:
        """What to type so that there is a result; "": of this run there can be none."""
        return self.command if run.has_program else self.without_program(run)

    def keys(self, run: Run) -> tuple[str, ...]:
        """Of all that are stored, the newest first."""
        from diagnostics.store import saved

        return saved(run.path, self.kind)[::-1]

    def finished(self, run: Run) -> tuple[str, ...]:
        """Of those that are not being computed, nor were left half computed, the newest first."""
        return tuple(key for key in self.keys(run) if not is_unfinished(key))

    def newest(self, run: Run) -> R:
        """What a report shows: the newest that is finished."""
        from diagnostics.run import FathomError

        keys = self.finished(run)
        if not keys:
            raise FathomError(missing(run, self.command_for(run)))
        return self.chosen(run, keys[0])

    def chosen(self, run: Run, key: str) -> R:
        """The one stored under a key."""
        from diagnostics.store import load

        return load(run.path, self.kind, key)

    def stamp(self, run: Run) -> list[list[str]]:
        """Every key, the newest first, with what changes whenever it is stored anew."""
        from diagnostics.store import result_path

        found = []
        for key in self.keys(run):
            with suppress(FileNotFoundError):  # discarded since it was listed
                changed = result_path(run.path, self.kind, key).stat().st_mtime_ns
                found.append([key, str(changed)])
        return found


def is_unfinished(key: str) -> bool:
    """Whether a result is stored here only until it is finished."""
    return base(key) != key


def base(key: str) -> str:
    """The key under which a result is, or will be, when it is finished."""
    from diagnostics.active.landscape import UNFINISHED

    return key.removesuffix(UNFINISHED)


def recorded_outputs(command: str) -> Callable[[Run], str]:
    """A command that predictions recorded in training are enough for."""
    return lambda run: command if "outputs" in run.array_names else ""


def missing(run: Run, command: str) -> str:
    """One sentence: what to do so that there is a result."""
    return f"Not computed yet: {shell_command(run, command)}" if command else NO_PROGRAM


def not_computed(run: Run, panels: Sequence[StoredPanel[Any]]) -> Element | None:
    """All panels without a result in quiet lines, with the commands that give them one."""
    commands = {
        command: ", ".join(panel.title for panel in found)
        for command, found in by_command(run, panels).items()
    }
    items = [
        element("li", "", f"{titles}: ", element("code", "", shell_command(run, command)))
        for command, titles in commands.items()
        if command
    ]
    told: list[Element | str] = ["Not computed yet:", element("ul", "", *items)] if items else []
    if "" in commands:
        told.append(element("p", "", NOTHING_ELSE if items else NO_PROGRAM))
    return element("div", "quiet", *told) if told else None


def by_command(run: Run, panels: Sequence[StoredPanel[Any]]) -> dict[str, list[StoredPanel[Any]]]:
    """Panels by what gives them; what a command that was already used did not give is left out."""
    from dashboard.panel import stored_panels

    names = {panel.name for panel in panels}
    used = {panel.stored.command for panel in stored_panels() if panel.name not in names}
    found: dict[str, list[StoredPanel[Any]]] = {}
    for panel in panels:
        if panel.stored.command not in used:
            found.setdefault(panel.stored.command_for(run), []).append(panel)
    return found


def shell_command(run: Run, command: str) -> str:
    """What to type, with the run's path as a shell takes it."""
    from shlex import quote

    name, *options = command.split()
    return " ".join(["fathom analyse", name, quote(str(run.path)), *options])
