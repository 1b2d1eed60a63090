"""What rows become: records side by side, and why others cannot be used."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.raw.reasons import Reason

ENCODE = msgspec.json.Encoder().encode


class Bad(msgspec.Struct, frozen=True):
    """A row, or one record of it, that cannot be used: where, what was wanted and got, and the row's text."""

    file: str
    line: int
    record: str | None
    field: str
    wanted: str
    got: str
    raw: str
    reason: Reason = "bad_value"

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"

    def json(self) -> bytes:
        """As one line, for people and for `jq`."""
        detail = f"{self.field}: wanted {self.wanted}, got {self.got} ({self.where})"
        values = {"reason": self.reason, "detail": detail, "where": self.where, **msgspec.structs.asdict(self)}
        return ENCODE({name: readable(value) if isinstance(value, str) else value for name, value in values.items()})


def readable(text: str) -> str:
    """A text in which broken bytes are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


class Fault(NamedTuple):
    """Why a row cannot be used: its field, what was wanted and got (None: nothing)."""

    field: str
    wanted: str
    got: Any
    reason: Reason = "bad_value"


class Batch(NamedTuple):
    """Converted records, side by side: topics, Kafka keys, JSON, event times in ms, and the lines they come from."""

    topics: list[str]
    keys: list[str]
    values: list[bytes]
    times: list[int]
    lines: list[int]

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Self:
        """The records of several batches."""
        return cls(*map(list, map(chain.from_iterable, zip(*batches, strict=True)))) if batches else cls([], [], [], [], [])

    def at(self, places: Sequence[int]) -> Batch:
        """The records at some places."""
        return Batch(*([column[place] for place in places] for column in self))  # type: ignore[arg-type]  # as above


class Converted(NamedTuple):
    """What rows became: records in the order of rows, and rows that cannot be used."""

    records: Batch
    bad: list[Bad]
