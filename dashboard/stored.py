"""Results that a command computed and stored in the run's folder: the newest, one chosen, or none.

A panel whose analysis pokes the model does not compute: it shows what is stored, or says how to
get it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dashboard.markup import Element, element

if TYPE_CHECKING:
    from dashboard.panel import StoredPanel
    from diagnostics.run import Run

R = TypeVar("R")

HEADING = "Around the weights"
PROGRAM = "program.json"
NO_PROGRAM = (
    "Nothing can be computed around these weights: the recording holds no loss program. "
    "Record one: Recorder(…, loss=loss_fn, batch=(x, y))"
)


@dataclass(frozen=True)
class Stored(Generic[R]):
    """The results of one analysis in a run's folder."""

    kind: type[R]
    command: str  # of `fathom analyse`, with its options after the run; "": there is none
    label: Callable[[R], str]  # tells it from the others of its kind

    def keys(self, run: Run) -> tuple[str, ...]:
        """Of all that are stored, the newest first."""
        from diagnostics.store import saved

        return saved(run.path, self.kind)[::-1]

    def newest(self, run: Run) -> R:
        """What a panel shows unless another is chosen."""
        from diagnostics.run import FathomError

        keys = self.keys(run)
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

        paths = [(key, result_path(run.path, self.kind, key)) for key in self.keys(run)]
        return [[key, str(path.stat().st_mtime_ns)] for key, path in paths if path.exists()]


def has_program(run: Run) -> bool:
    """Whether anything can be computed from the folder alone."""
    return (run.path / PROGRAM).is_file()


def missing(run: Run, command: str) -> str:
    """One sentence: what to do so that there is a result."""
    if not has_program(run):
        return NO_PROGRAM
    return f"Not computed yet: {shell_command(run, command)}" if command else "Not computed yet."


def not_computed(run: Run, panels: Sequence[StoredPanel[Any]]) -> Element | None:
    """All panels without a result in one quiet line, with the commands that give them one."""
    known = {panel.title: panel.stored.command for panel in panels if panel.stored.command}
    if not known:
        return None
    if not has_program(run):
        return element("p", "quiet", NO_PROGRAM)
    items = [
        element("li", "", f"{title}: ", element("code", "", shell_command(run, command)))
        for title, command in known.items()
    ]
    return element("div", "quiet", "Not computed yet:", element("ul", "", *items))


def shell_command(run: Run, command: str) -> str:
    """What to type, with the run's path as a shell takes it."""
    from shlex import quote

    name, *options = command.split()
    return " ".join(["fathom analyse", name, quote(str(run.path)), *options])
