"""Rows that no record of a mapping takes, by the words that its conditions look for: which kind of row is left out, and what would take it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.sources.checks import word
from streams.sources.toml import toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.sources.mapping import Source

MOST, SHOWN = 1000, 5
"""So many different kinds are counted apart, and so many are shown."""


def columns_of(source: Source) -> tuple[str, ...]:
    """The columns whose words say which rows a record takes."""
    named = (column for record in source.records for column, when in record.when.items() if when.among is not None or when.not_ is not None)
    return tuple(dict.fromkeys(named))


class Skipped:
    """Rows that no record takes, counted by what `columns` hold."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.kinds: Counter[tuple[str | None, ...]] = Counter()
        self.others = 0
        """Rows of further kinds than are counted apart."""

    @property
    def total(self) -> int:
        """How many rows."""
        return self.kinds.total() + self.others

    def take(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count rows; of each what the columns hold, None for nothing."""
        for row in rows:
            kind = tuple(None if one is None else word(one) for one in row)
            if kind in self.kinds or len(self.kinds) < MOST:
                self.kinds[kind] += 1
            else:
                self.others += 1

    def as_json(self) -> list[dict[str, Any]]:
        """The commonest kinds, for machines."""
        return [{"values": dict(zip(self.columns, kind, strict=True)), "count": count} for kind, count in self.kinds.most_common(SHOWN)] if self.columns else []

    def said(self) -> str | None:
        """The commonest kinds as a sentence, with the condition that would take the first; None where no condition looks for words, or none was skipped."""
        if not self.columns or not self.total:
            return None
        shown = self.kinds.most_common(SHOWN)
        parts = [f"{self._kind(kind)}: {count:,} rows" for kind, count in shown]
        more = self.total - sum(count for _, count in shown)
        return f"skipped: {'; '.join(parts)}{f'; others: {more:,} rows' if more else ''}: {remedy(dict(zip(self.columns, shown[0][0], strict=True)))}"

    def _kind(self, kind: Sequence[str | None]) -> str:
        return ", ".join(f"{column} {'empty' if value is None else repr(value)}" for column, value in zip(self.columns, kind, strict=True))


def remedy(values: dict[str, str | None]) -> str:
    """What takes the rows in which columns hold these values."""
    when = {column: {"given": False} if value is None else value for column, value in values.items()}
    return f"a [[sources.NAME.records]] with when = {toml(when)} takes them (docs/sources.md)"
