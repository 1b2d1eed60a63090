"""Reads the reference tables in a process of its own, checked exactly as at a start, while a worker runs: it needs neither the worker's core nor its memory.

`python -m streams.reference_reading` with the settings as JSON on stdin; stdout gets the tables, or the sentence with which a start would refuse them.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from schemas.codes import keep, kept_for_life
from schemas.fault import KairosFault
from streams.builder import shard_builder
from streams.settings import Settings

if TYPE_CHECKING:
    from schemas.reference import Reference


class Read(NamedTuple):
    """What was read: the tables, or why a start would refuse them; the texts of their codes."""

    reference: Reference | None
    refused: str = ""
    texts: tuple[str, ...] = ()

    def keep(self) -> None:
        """Remember the texts; in the thread that runs the engine."""
        for text in self.texts:
            keep(text)


def read(settings: Settings) -> Read:
    """Read and check the tables as a start does."""
    try:
        builder, _ = shard_builder(settings)
    except KairosFault as fault:
        return Read(None, str(fault))
    return Read(builder.reference, "", tuple(kept_for_life()))


def main() -> None:
    """Read the settings, read the tables, write the result."""
    os.nice(10)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what definitions print does not come between
        logging.disable(logging.WARNING)  # the worker logs them when it applies the tables
        pickle.dump(read(msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)), out, protocol=5)


if __name__ == "__main__":
    from streams.reference_reading import main as own  # under its own name: what is written names its classes

    own()
