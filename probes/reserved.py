"""A file whose room on the disk is taken before it is written, for a library that cannot fail."""

from __future__ import annotations

import io
import os
from typing import Any


class Reserved(io.RawIOBase):
    """A file whose room is taken before libhdf5 writes: a failed write would end the process."""

    def __init__(self, raw: io.FileIO, size: int) -> None:
        self._raw, self._end = raw, 0
        self._failure: OSError | None = None
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(raw.fileno(), 0, size)

    def finish(self) -> None:
        """Give back the room not used; raise what went wrong on the way."""
        if self._failure is not None:
            raise self._failure
        self._raw.truncate(self._end)
        os.fsync(self._raw.fileno())

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        try:
            done = 0
            while done < len(view):
                done += self._raw.write(view[done:])
            self._end = max(self._end, self._raw.tell())
        except OSError as error:
            self._failure = error
        return len(view)

    def readinto(self, buffer: Any) -> int:
        return self._raw.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._raw.seek(self._end + offset)
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def truncate(self, size: int | None = None) -> int:
        self._end = self.tell() if size is None else size
        return self._end

    def readable(self) -> bool:
        return True

    writable = seekable = readable
