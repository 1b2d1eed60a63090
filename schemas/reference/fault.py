"""What is wrong with reference files: each kind of fault once, with its count and its first places."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACES = 5
"""So many further places are listed of one kind of fault."""


class ReferenceFault(KairosFault):
    """Reference files cannot be used; the text lists every kind of fault of every file: file:line: column: wanted, got."""


class Fault(NamedTuple):
    """One fault: file and place in it (":7", "[3]" or ""), what it is about, what was wanted (the kind), what was found."""

    file: str
    place: str
    about: str
    wanted: str
    got: str = ""

    def __str__(self) -> str:
        return f"{self.file}{self.place}: {self.about}{': ' if self.about else ''}{self.wanted}{f', got {self.got}' if self.got else ''}"


def summary(faults: Iterable[Fault]) -> list[str]:
    """One text for each file, subject and kind: its first case, then how many there are and where the next ones stand."""
    kinds: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.file, fault.about, fault.wanted), []).append(fault)
    return [str(own[0]) + more(own) for own in kinds.values()]


def more(same: list[Fault]) -> str:
    """How often a fault occurs and where else, or nothing when it occurs once."""
    if len(same) == 1:
        return ""
    places = ", ".join(fault.place.strip(":") for fault in same[1 : PLACES + 1])
    return f" ({len(same):,} times; also at {places}{', …' if len(same) > PLACES + 1 else ''})"
