"""Where a run comes from: machine, versions, command and commit, as known at its start."""

from __future__ import annotations

import os
import platform
import sys
import uuid
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

SECRETS = ("key", "token", "secret", "password")
PACKAGES = ("torch-fathom", "torch", "numpy", "h5py")


def origin() -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "host": platform.node(),
        "pid": os.getpid(),
        "argv": _without_secrets(sys.argv),
        "versions": {"python": platform.python_version(), **_versions()},
        "git": _commit(Path.cwd()),
    }


def _without_secrets(words: list[str]) -> list[str]:
    """The command without what looks like a password or a key: a run folder is passed around."""
    shown, hide = [], False
    for word in words:
        name, sign, _ = word.partition("=")
        secret = any(hint in name.lower() for hint in SECRETS)
        shown.append("…" if hide else f"{name}=…" if secret and sign else word)
        hide = secret and not sign
    return shown


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _commit(folder: Path) -> dict[str, str] | None:
    """The checked-out commit, read from git's own files: no process is started for it."""
    for parent in (folder, *folder.parents):
        head = parent / ".git" / "HEAD"
        if head.is_file():
            return _resolve(head)
    return None


def _resolve(head: Path) -> dict[str, str] | None:
    try:
        text = head.read_text().strip()
        if not text.startswith("ref: "):
            return {"commit": text}
        branch = text.removeprefix("ref: ")
        commit = (head.parent / branch).read_text().strip()
    except OSError:  # packed references, or not ours to read
        return None
    return {"commit": commit, "branch": branch.removeprefix("refs/heads/")}
