"""Rows of one reference table by key, packed: as objects of Python each would take some 900 bytes beside the table itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPE_BYTES = 4


class Kept:
    """Rows by key. A row is kept as the number of its columns' names and its values: most rows of a table have the same columns.

    >>> rows = Kept()
    >>> rows.put("lines/S1", {"tz": "UTC", "poi": ["a", "b"]}), rows.put("lines/S1", {"poi": ["a", "b"], "tz": "UTC"})
    (True, False)
    >>> rows.get("lines/S1"), rows.columns()
    ({'tz': 'UTC', 'poi': ['a', 'b']}, ['tz', 'poi'])
    """

    def __init__(self) -> None:
        self.packed: dict[str, bytes] = {}
        self.shapes: list[tuple[str, ...]] = []
        self.numbers: dict[tuple[str, ...], bytes] = {}

    def put(self, key: str, row: dict[str, Any]) -> bool:
        """Keep a row; whether it differs from the one that was there."""
        names = tuple(row)
        number = self.numbers.get(names)
        if number is None:
            number = self.numbers[names] = len(self.shapes).to_bytes(SHAPE_BYTES)
            self.shapes.append(names)
        packed = number + orjson.dumps(list(row.values()))
        if packed == self.packed.get(key) or row == self.get(key):
            return False
        self.packed[key] = packed
        return True

    def remove(self, key: str) -> bool:
        """Forget a row; whether there was one."""
        return self.packed.pop(key, None) is not None

    def get(self, key: str) -> dict[str, Any] | None:
        """The row of a key."""
        packed = self.packed.get(key)
        return None if packed is None else self._row(packed)

    def __len__(self) -> int:
        return len(self.packed)

    def sorted(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys and rows, in the order of keys."""
        for key in sorted(self.packed):
            yield key, self._row(self.packed[key])

    def columns(self) -> list[str]:
        """The columns that some row has now."""
        used = dict.fromkeys(packed[:SHAPE_BYTES] for packed in self.packed.values())
        return list(dict.fromkeys(name for number in used for name in self.shapes[int.from_bytes(number)]))

    def _row(self, packed: bytes) -> dict[str, Any]:
        return dict(zip(self.shapes[int.from_bytes(packed[:SHAPE_BYTES])], orjson.loads(packed[SHAPE_BYTES:]), strict=True))


__all__ = ["Kept"]
