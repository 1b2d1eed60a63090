"""A file that a command writes: first under another name, renamed only when the command has succeeded."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Sequence

STDOUT = "-"


class OutputFault(KairosFault):
    """An output cannot be written where it should be."""


class Output:
    """Lines to a file, to stdout (`-`) or to nowhere (None). An existing file stays as it is until `keep`."""

    def __init__(self, option: str, path: str | None, inputs: Sequence[str]) -> None:
        """Nothing is opened yet. Raises OutputFault."""
        self.option, self.path = option, path
        self.file: BinaryIO | None = None
        self.beside: Path | None = None
        if path is None or path == STDOUT:
            return
        self.place = Path(path).resolve()
        if self.place.is_dir():
            raise OutputFault(f"{option}: wanted a file, got the folder {path}: name a file in it")
        if not self.place.parent.is_dir():
            raise OutputFault(f"{option}: wanted a file in a folder that is there, got {path}: make the folder {Path(path).parent} first")
        forbidden = [place for place in (self.place, self.place.parent) if place.exists() and not os.access(place, os.W_OK)]
        if forbidden and (self.place.is_file() or not self.place.exists()):
            raise OutputFault(f"{option}: wanted a file that may be written, got {path}: the rights of {forbidden[0]} forbid it")
        same = [name for name in inputs if name != STDOUT and Path(name).exists() and self.place.exists() and self.place.samefile(name)]
        if same:
            raise OutputFault(f"{option}: wanted another file than the input, got {path}: name a new file")

    def differs_from(self, other: Output) -> None:
        """Raises OutputFault where both are one file."""
        if self.path is not None and other.path is not None and (self.path == other.path == STDOUT or self._place() == other._place()):
            raise OutputFault(f"{self.option} and {other.option}: wanted two files, got {self.path} for both")

    def _place(self) -> Path | None:
        return None if self.path in (None, STDOUT) else self.place

    def __enter__(self) -> Self:
        if self.path == STDOUT:
            self.file = sys.stdout.buffer
        elif self.path is not None:
            self.beside = self.place.with_name(f".{self.place.name}.{os.getpid()}.part") if self.place.is_file() or not self.place.exists() else None
            self.file = (self.beside or self.place).open("wb")
        return self

    def write(self, lines: Sequence[bytes]) -> None:
        """Write lines, given without their ends."""
        if self.file is not None:
            self.file.writelines(line + b"\n" for line in lines)

    def keep(self) -> None:
        """Put the file in its place."""
        if self.file is None or self.path == STDOUT:
            return
        self.file.close()
        if self.beside is not None:
            if self.place.exists():
                shutil.copymode(self.place, self.beside)
            self.beside.replace(self.place)
            self.beside = None

    def __exit__(self, *_: object) -> None:
        if self.file is None:
            return
        if self.path == STDOUT:
            self.file.flush()
            return
        self.file.close()
        if self.beside is not None:
            self.beside.unlink(missing_ok=True)
