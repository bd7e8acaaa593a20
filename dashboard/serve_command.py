"""`fathom serve`: the live app over a folder of runs; and the options that say where."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

FINE = 0
Command = Callable[[str, str, str], argparse.ArgumentParser]


def add_serve(command: Command) -> None:
    """Its arguments."""
    told = "the live web app over a folder of runs"
    serve = command("serve", told, "fathom serve runs/")
    serve.add_argument("folder", type=Path, help="a folder of runs, at any depth")
    add_address(serve)
    serve.set_defaults(command=_serve)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Where the app is served, and to whom."""
    parser.add_argument(
        "--port", type=int, default=8050, help="default: 8050; a busy port gives way to the next"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="default: 127.0.0.1, seen from this machine only"
    )
    parser.add_argument(
        "--token",
        help="what a viewer must show (default: the environment's FATHOM_TOKEN; else one is made "
        "up, unless the app is seen from this machine only); '' asks nobody for one. What stands "
        "in a command line, every user of the machine can read",
    )
    parser.add_argument(
        "--base-path",
        default="/",
        metavar="PATH",
        help="behind a proxy: the path it is served under, such as /user/ada/proxy/8050",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="behind a proxy and without a token: a name that browsers call it by",
    )


def show(folder: Path, asked: argparse.Namespace) -> int:
    """Serve the folder as the options say."""
    from dashboard.serving import Door, serve

    names = tuple(asked.allow_host)
    serve(folder, Door(asked.host, asked.port, asked.base_path, asked.token, names))
    return FINE


def _serve(asked: argparse.Namespace) -> int:
    if not asked.folder.is_dir():
        raise NotADirectoryError(f"{asked.folder} is not a folder")
    return show(asked.folder, asked)
