"""A figure as HTML that needs nothing else: what draws it comes along, packed.

Each picture is whole in itself: notebooks show, hide, copy and convert their outputs one by one.
It draws in the colours of the page it finds itself on.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from dashboard.markup import element, to_html
from dashboard.theme import CONFIG, swaps

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_HERE = Path(__file__).parent
SOLID = ("surface", "scatter3d")  # drawn by a part of plotly that few pictures need
MIME = "application/vnd.plotly.v1+json"
UNSEEN = (
    "This picture is drawn by a script. If it stays away, the notebook is not trusted: "
    "trust it, or run its cell again."
)


def picture(figure: Figure) -> str:
    """The place of a figure, and the script that draws there."""
    drawn = as_json(figure)
    name = f"fathom-{token_hex(8)}"
    height = drawn["layout"].get("height", 400)
    room = f"min-height:{height}px;color:inherit"
    place = element("div", "", element("p", "", UNSEEN), id=name, role="group", style=room)
    library = "whole" if any(t.get("type") in SOLID for t in drawn["data"]) else "flat"
    told = {
        "place": name,
        "figure": drawn,
        "library": library,
        "config": CONFIG,
        "swaps": swaps(),
        "packed": _packed(library),
    }
    script = (_HERE / "notebook.js").read_text("utf-8")
    return f"{to_html(place)}<script>{script}({_embedded(told)});</script>"


def bundle(figure: Figure) -> dict[str, Any]:
    """For notebooks that draw plotly's figures by themselves, and for those that show HTML."""
    return {MIME: as_json(figure), "text/html": picture(figure)}


def as_json(figure: Figure) -> dict[str, Any]:
    """As plotly writes it, with the buttons that stay with us."""
    from plotly.utils import PlotlyJSONEncoder

    written = json.dumps(figure.to_plotly_json(), cls=PlotlyJSONEncoder)
    return {"layout": {}, **json.loads(written), "config": CONFIG}


@cache
def _packed(library: str) -> str:
    code = (_HERE / "assets" / f"plotly-{library}.min.js").read_bytes()
    return b64encode(gzip.compress(code, mtime=0)).decode()


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data).replace("<", "\\u003c")
