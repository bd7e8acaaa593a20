"""What a folder says that holds no run yet: how to get one."""

from __future__ import annotations

from pathlib import Path

from dashboard.markup import Element, element


def empty(root: Path) -> Element:
    """What to do when there is no run yet."""
    return element(
        "div",
        "empty",
        element("h2", "", "No runs here yet"),
        element("p", "", f"Fathom watches {root.absolute()}. A run appears as soon as one starts:"),
        element(
            "pre",
            "",
            "from probes import Recorder\n\n"
            f'with Recorder(model, optimizer, "{root / "my-run"}") as recorder:\n'
            "    …  # the training loop, with recorder.log(loss=loss) at each step",
        ),
        element("p", "", "Or let Fathom train two small networks: fathom demo"),
    )
