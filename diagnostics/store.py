"""Saves and loads any Result in its run's folder: results/<analysis>[-<key>].h5.

    /         attributes: format, version, analysis, result (the dataclass's name), saved (time)
    /content  JSON: the Result's fields by name; an array stands as {"array": its place below}
    /arrays   every array, at the place of its field: "loss", "axes/0", "trajectory/distance"

A file is written beside and renamed, and read as the type that the caller names: what is in it
never decides which class is made.
"""

from __future__ import annotations

import json
import os
import re
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from hashlib import sha256
from inspect import signature
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import h5py
import numpy as np

from probes.folder import RunError, write_whole
from probes.recording import ARRAY_TYPES, LIBVER
from probes.recording_file import DAMAGES, dataset

FORMAT, VERSION = "fathom-result", 1
RESULTS = "results"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,99}")

R = TypeVar("R")


def save(folder: str | Path, result: Any, key: str = "") -> Path:
    """Write a Result into a run's folder; one of the same analysis and key is replaced."""
    path = result_path(folder, type(result), key)
    image = _image(result)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, image)
    return path


def check_writable(folder: str | Path) -> None:
    """Before hours are spent on a result that could not be kept."""
    place = Path(folder) / RESULTS
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise _not_writable(place, error.strerror) from error
    if not os.access(place, os.W_OK):
        raise _not_writable(place, "it may not be written to")


def _not_writable(place: Path, why: str | None) -> RunError:
    return RunError(
        f"no result can be kept in '{place}' ({why}); copy the run to where you may write."
    )


def load(folder: str | Path, kind: type[R], key: str = "") -> R:
    """The Result of this kind and key, equal to the one that was saved."""
    path = result_path(folder, kind, key)
    if not path.is_file():
        keys = ", ".join(repr(each) for each in saved(folder, kind)) or "none"
        raise RunError(
            f"no {kind.__name__} under the key '{key}' in '{folder}' (there are: {keys}); "
            f"compute it first."
        )
    with _reading(path) as file:
        if _text(file.attrs["result"]) != kind.__name__:
            raise ValueError(f"it holds a {_text(file.attrs['result'])}, not a {kind.__name__}")
        content = json.loads(dataset(file, "content")[()].tobytes())
        found: R = _read(content, kind, file)
        return found


def discard(folder: str | Path, kind: type[Any], key: str = "") -> None:
    """Remove a Result that another has taken the place of, if it is there."""
    result_path(folder, kind, key).unlink(missing_ok=True)


def saved(folder: str | Path, kind: type[Any]) -> tuple[str, ...]:
    """The keys under which a run has Results of this kind, oldest first; '' is the plain one."""
    stem = analysis_of(kind)
    paths = [path for path in (Path(folder) / RESULTS).glob(f"{stem}*.h5") if _is_of(path, stem)]
    in_order = sorted(paths, key=lambda path: (_saved_at(path), path.name))
    return tuple(path.stem.removeprefix(stem).removeprefix("-") for path in in_order)


def _saved_at(path: Path) -> int:
    """When it was saved; the oldest is what another process has just discarded."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _is_of(path: Path, stem: str) -> bool:
    """Analyses' names hold no hyphen, so the first one begins the key."""
    return path.stem.split("-", 1)[0] == stem


def result_path(folder: str | Path, kind: type[Any], key: str = "") -> Path:
    if key and not _KEY.fullmatch(key):
        raise RunError(
            f"'{key}' cannot be a result's key: it is part of a file's name; use up to 100 "
            "letters, digits, dots and underscores."
        )
    name = analysis_of(kind) + (f"-{key}" if key else "")
    return Path(folder) / RESULTS / f"{name}.h5"


def key_part(name: str) -> str:
    """Any name as part of a key; where letters had to go, a few others tell such names apart."""
    whole = name.replace(" ", "")
    plain = re.sub(r"[^A-Za-z0-9.]", "", whole)[:40]
    return plain if plain == whole else f"{plain}.{sha256(name.encode()).hexdigest()[:6]}"


def analysis_of(kind: type[Any]) -> str:
    """The module that a Result is defined in is named like its analysis."""
    return kind.__module__.rpartition(".")[2]


def _image(result: Any) -> bytes:
    """The whole file in memory: libhdf5 never sees the disk, nor its faults."""
    with h5py.File("result", "w", driver="core", backing_store=False, libver=LIBVER) as file:
        file.attrs.update(format=FORMAT, version=VERSION, saved=time.time())
        file.attrs.update(analysis=analysis_of(type(result)), result=type(result).__name__)
        content = json.dumps(_written(result, "arrays", file)).encode()
        _checked(file, "content", np.frombuffer(content, np.uint8))
        file.flush()
        return bytes(file.id.get_file_image())


def _checked(file: h5py.File, place: str, array: Any) -> None:
    """With a checksum, which HDF5 has only for arrays of some extent."""
    options = {"chunks": array.shape, "fletcher32": True} if array.size else {}
    file.create_dataset(place, data=array, **(options if array.ndim else {}))


def _written(value: Any, place: str, file: h5py.File) -> Any:
    """The value as JSON; arrays go into the file."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return {name: _written(getattr(value, name), f"{place}/{name}", file) for name in names}
    if isinstance(value, tuple):
        return [_written(part, f"{place}/{n}", file) for n, part in enumerate(value)]
    if isinstance(value, np.ndarray) and value.dtype.name in ARRAY_TYPES:
        _checked(file, place, value)
        return {"array": place}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
    raise TypeError(
        f"'{place}' is of type {kind}, which no result may hold: there are arrays of numbers, "
        "numbers, strings, None, tuples and dataclasses of these."
    )


@contextmanager
def _reading(path: Path) -> Iterator[h5py.File]:
    """An open result; whatever in it is not as it should be is told in one line."""
    try:
        with h5py.File(path, "r") as file:
            _check_format(path, file)
            yield file
    except RunError:
        raise
    except (*DAMAGES, RecursionError) as error:
        told = str(error).split("\n", 1)[0]
        raise RunError(
            f"'{path}' cannot be read ({type(error).__name__}: {told}); compute it again."
        ) from error


def _check_format(path: Path, file: h5py.File) -> None:
    version = int(file.attrs["version"])
    if _text(file.attrs["format"]) != FORMAT:
        raise RunError(f"'{path}' is an HDF5 file, but not a result of Fathom's.")
    if version > VERSION:
        raise RunError(
            f"'{path}' has format {version}; this Fathom reads up to {VERSION}. "
            "Upgrade it: pip install -U torch-fathom"
        )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read(content: Any, hint: Any, file: h5py.File) -> Any:
    """The value of a field, if it is what the field is declared to be."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _read_one_of(content, inside, file)
    if origin is np.ndarray:
        return np.asarray(dataset(file, content["array"])[()])
    if is_dataclass(hint):
        return _read_dataclass(content, hint, file)
    if origin is tuple:
        hints = (inside[0],) * len(content) if inside[-1] is Ellipsis else inside
        parts = zip(content, hints, strict=True)
        return tuple(_read(part, each, file) for part, each in parts)
    if origin is Literal:
        hint = type(content) if content in inside else None
    if hint is float and type(content) is int:
        return float(content)
    if hint is None or type(content) is not hint:
        raise TypeError(f"{str(content)[:40]!r} is not what its field holds")
    return content


def _read_one_of(content: Any, hints: tuple[Any, ...], file: h5py.File) -> Any:
    """Of the kind itself, or None."""
    if content is None and type(None) in hints:
        return None
    (only,) = (hint for hint in hints if hint is not type(None))
    return _read(content, only, file)


def _read_dataclass(content: Any, kind: Any, file: h5py.File) -> Any:
    """A field with a default may be absent: it came later than the file."""
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    needed = {
        name for name, each in signature(kind).parameters.items() if each.default is each.empty
    }
    if not needed <= set(content) <= known:
        other = ", ".join(sorted((needed - set(content)) | (set(content) - known)))
        raise ValueError(f"its fields are those of another version ({other})")
    return kind(**{name: _read(value, hints[name], file) for name, value in content.items()})
