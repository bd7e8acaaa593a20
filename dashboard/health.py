"""`GET health`: whether the app can do its work, for whoever watches over it."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import jsonify

from dashboard.guard import is_admitted
from diagnostics.runs import find_runs

if TYPE_CHECKING:
    from flask import Flask, Response


def offer_health(app: Flask, root: Path, base_path: str = "/") -> None:
    """To strangers it says no more than whether all is well: a load balancer holds no token."""
    begun = time.monotonic()

    @app.get(f"{base_path}health")
    def health() -> tuple[Response, int]:
        can_read = os.access(root, os.R_OK | os.X_OK)
        told: dict[str, Any] = {"status": "ok" if can_read else "the folder cannot be read"}
        if can_read and is_admitted():
            told |= {
                "version": _version(),
                "runs": len(find_runs(root)),
                "seconds": round(time.monotonic() - begun),
            }
        return jsonify(told), 200 if can_read else 503


def _version() -> str:
    try:
        return version("torch-fathom")
    except PackageNotFoundError:  # run from its source
        return "unknown"
