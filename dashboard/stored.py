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
    "same again, with this form or the same command: it goes on where it was."
)
NO_PROGRAM = (
    "Nothing can be computed around these weights: the recording holds no loss program. "
    "Record one: Recorder(…, loss=loss_fn, batch=(x, y))"
)


@dataclass(frozen=True)
class Stored(Generic[R]):
    """The results of one analysis in a run's folder."""

    kind: type[R]
    command: str  # of `fathom analyse`, with its options after the run
    label: Callable[[R], str]  # tells it from the others of its kind

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
            raise FathomError(missing(run, self.command))
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


def missing(run: Run, command: str) -> str:
    """One sentence: what to do so that there is a result."""
    if not run.has_program:
        return NO_PROGRAM
    return f"Not computed yet: {shell_command(run, command)}"


def not_computed(run: Run, panels: Sequence[StoredPanel[Any]]) -> Element | None:
    """All panels without a result in one quiet line, with the commands that give them one."""
    if not panels:
        return None
    if not run.has_program:
        return element("p", "quiet", NO_PROGRAM)
    items = [
        element(
            "li",
            "",
            f"{panel.title}: ",
            element("code", "", shell_command(run, panel.stored.command)),
        )
        for panel in panels
    ]
    return element("div", "quiet", "Not computed yet:", element("ul", "", *items))


def shell_command(run: Run, command: str) -> str:
    """What to type, with the run's path as a shell takes it."""
    from shlex import quote

    name, *options = command.split()
    return " ".join(["fathom analyse", name, quote(str(run.path)), *options])
