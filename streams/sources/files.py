"""Files as they come from an operator's nodes: gzip or not, cut off, growing, or written again while they are read."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from streams.sources.rows import SourceFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP = b"\x1f\x8b"
STDIN = "-"
BUFFER = 1 << 20
HEAD = 65_536
"""Bytes at the beginning of a file by which one that was written again is recognised."""


class Part(io.RawIOBase):
    """The bytes that a file had when it was opened: what is written behind them later is read next time."""

    def __init__(self, file: BinaryIO, size: int | None, progress: Callable[[int], None]) -> None:
        self.file, self.left, self.progress = file, size, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer) if self.left is None else min(len(buffer), self.left)
        part = self.file.read(wanted) if wanted else b""
        buffer[: len(part)] = part
        if self.left is not None:
            self.left -= len(part)
        self.progress(len(part))
        return len(part)


class Tail(io.RawIOBase):
    """A stream that remembers its last byte, and names what its packing does not hold."""

    def __init__(self, file: Any, path: str) -> None:
        self.file, self.path, self.last, self.bytes = file, path, b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part = self.file.read(len(buffer))
        except EOFError as error:
            raise SourceFault(f"{self.path}: wanted a whole gzip file, got one whose end is missing, after {self.bytes:,} unpacked bytes: have it delivered again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise SourceFault(f"{self.path}: wanted a gzip file, got a damaged one ({error}), after {self.bytes:,} unpacked bytes: have it delivered again") from error
        buffer[: len(part)] = part
        if part:
            self.last = part[-1:]
            self.bytes += len(part)
        return len(part)

    @property
    def whole_lines(self) -> bool:
        """Whether the last line has its end."""
        return self.last in (b"", b"\n", b"\r")


class Opened:
    """An opened file: its unpacked bytes, and whether they end with a line end once they are read."""

    def __init__(self, path: str, tail: Tail) -> None:
        self.path, self.tail = path, tail
        self.stream = io.BufferedReader(tail, BUFFER)


@contextmanager
def opened(path: str, progress: Callable[[int], None] = lambda _: None) -> Iterator[Opened]:
    """The file at `path` (`-`: stdin), unpacked; at its end it is checked to be the file that was opened. Raises SourceFault."""
    if path == STDIN:
        yield Opened(path, Tail(unpacked(cast("BinaryIO", sys.stdin.buffer), None, progress), path))
        return
    try:
        with Path(path).open("rb") as file:
            before = os.fstat(file.fileno())
            regular = Path(path).is_file()
            head = file.read(HEAD) if regular else b""
            if regular:
                file.seek(0)
            yield Opened(path, Tail(unpacked(file, before.st_size if regular else None, progress), path))
            if regular:
                unchanged(path, file, before, head)
    except OSError as error:
        raise SourceFault(f"{path}: wanted a file that can be read, got {error.strerror or error}: check its name and rights") from error


def unpacked(file: BinaryIO, size: int | None, progress: Callable[[int], None]) -> Any:
    """The bytes of a file, unpacked where they are gzip."""
    raw = io.BufferedReader(Part(file, size, progress), BUFFER)
    return gzip.GzipFile(fileobj=raw) if raw.peek(len(GZIP)).startswith(GZIP) else raw


def unchanged(path: str, file: BinaryIO, before: os.stat_result, head: bytes) -> None:
    """Raises SourceFault where the file is no longer the one that was opened; a file that only grew is."""
    wanted = f"{path}: wanted a file that stays as it is while it is read"
    try:
        now = Path(path).stat()
    except OSError as error:
        raise SourceFault(f"{wanted}, got one that was removed: read it again where it was moved to") from error
    if now.st_ino != before.st_ino or now.st_size < before.st_size:
        raise SourceFault(f"{wanted}, got one that was replaced: read it again when it is written")
    file.seek(0)
    if (now.st_size == before.st_size and now.st_mtime_ns != before.st_mtime_ns) or file.read(HEAD)[: len(head)] != head:
        raise SourceFault(f"{wanted}, got one that was written again: read it again when it is written")
