"""A viewer without a browser: does over the wire what a page of the app does, and draws nothing.

It keeps the properties of the page's components. When one changes, whatever callback hangs on it
is asked for, and what that answers changes others; pictures are asked for with the version of
them that the viewer has, as the page's own script does.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

FRAME = ("address", "cursor", "tick")  # what each page has a copy of
JSON = {"Content-Type": "application/json"}


@dataclass
class Viewer:
    """What a page keeps in its components, and the requests that changes of them lead to."""

    address: str
    page: str
    props: dict[str, Any] = field(default_factory=dict)  # by "id.property"
    sections: dict[str, list[str]] = field(default_factory=dict)  # a picture's options
    versions: dict[str, str] = field(default_factory=dict)  # of the pictures it has
    sizes: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        place = urlsplit(self.address)
        self._line = HTTPConnection(place.hostname or "", place.port or 80, timeout=60)

    def open(self) -> None:
        """As a browser comes: the page, its files, its callbacks, its components."""
        page = self._get("/").decode()
        for link in re.findall(r'(?:src|href)="(/[^"]+)"', page):
            self._get(link)
        self._callbacks = [
            each
            for each in json.loads(self._get("/_dash-dependencies"))
            if not each.get("clientside_function")
        ]
        self._take_in(json.loads(self._get("/_dash-layout")))
        address = {"page": self.page, "run": "", "with": [], "view": []}
        self._change({"page.data": self.page})
        self._change({"address.data": address} | self._mirrored("address", address))

    def tick(self, number: int) -> bool:
        """Look whether there is anything new; was there?"""
        before = self.props.get("cursor.data")
        self._change({"tick.n_intervals": number} | self._mirrored("tick", number))
        return self.props.get("cursor.data") != before

    def close(self) -> None:
        self._line.close()

    def _mirrored(self, what: str, value: Any) -> dict[str, Any]:
        """Each page's copy of what the frame knows."""
        copies = [key for key in self.props if key.endswith(f"-{what}.data")]
        return dict.fromkeys(copies, value)

    def _change(self, news: dict[str, Any]) -> None:
        """Set some properties, and ask for all that hangs on them."""
        changed = {key for key, value in news.items() if self.props.get(key) != value}
        self.props |= news
        for each in self._callbacks:
            inputs = [f"{one['id']}.{one['property']}" for one in each["inputs"]]
            if changed & {*inputs} and all(key in self.props for key in inputs):
                self._ask(each, sorted(changed & {*inputs}))

    def _ask(self, callback: dict[str, Any], causes: list[str]) -> None:
        names = callback["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), n.rsplit(".", 1), strict=True)) for n in names]
        body = {
            "output": callback["output"],
            "outputs": outputs if callback["output"].startswith("..") else outputs[0],
            "inputs": [self._valued(each) for each in callback["inputs"]],
            "state": [self._valued(each) for each in callback["state"]],
            "changedPropIds": causes,
        }
        answer = self._request("POST", "/_dash-update-component", json.dumps(body))
        for own, properties in json.loads(answer)["response"].items() if answer else ():
            for name, value in properties.items():
                self._arrive(own, name, value)

    def _valued(self, each: dict[str, str]) -> dict[str, Any]:
        return {**each, "value": self.props.get(f"{each['id']}.{each['property']}")}

    def _arrive(self, own: str, name: str, value: Any) -> None:
        if name == "children":
            self._take_in(value)
        if own.endswith("-drawn") and value:
            self.versions[own.removesuffix("-drawn")] = value["version"]
            return
        self._change({f"{own}.{name}": value})
        if own == "content":
            for what in FRAME:
                self._change(self._mirrored(what, self.props.get(f"{what}.data")))
        if own == "cursor":
            self._change(self._mirrored("cursor", value))
            self._want_pictures(value)

    def _want_pictures(self, cursor: dict[str, Any]) -> None:
        for name, options in self.sections.items():
            wish = {**cursor, **dict.fromkeys(options), "have": self.versions.get(name)}
            self._change({f"{name}-wanted.data": wish})

    def _take_in(self, part: Any) -> None:
        """Components that came: what they hold can change from now on."""
        for each in _components(part):
            props = each["props"]
            if "data-options" in props and "data-stored" not in props:
                self.sections[props["id"]] = json.loads(props["data-options"])
            if "id" in props:
                shown = {name: value for name, value in props.items() if name != "children"}
                for name in ("data", "n_intervals", "n_clicks", "value", *shown):
                    self.props.setdefault(f"{props['id']}.{name}", shown.get(name))

    def _get(self, path: str) -> bytes:
        return self._request("GET", path, None)

    def _request(self, method: str, path: str, body: str | None) -> bytes:
        began = time.perf_counter()
        self._line.request(method, path, body, JSON if body else {})
        answer = self._line.getresponse()
        content = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status}: {content[:200]!r}")
        self.waits.append(time.perf_counter() - began)
        self.sizes.append(len(content))
        return content


def _components(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for each in part:
            yield from _components(each)
    elif isinstance(part, dict) and "props" in part:
        yield part
        yield from _components(part["props"].get("children"))
