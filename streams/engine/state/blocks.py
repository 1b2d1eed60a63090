"""State of a table's rows that is written in several changelog records a row, so that a small change is a small record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.codec import Layout
    from streams.engine.state.packing import ByteStrings, Values
    from streams.engine.state.tables import Rows


class BlockChanges(NamedTuple):
    """Blocks that changed, one entry each."""

    rows: Ints
    numbers: Ints
    values: Values
    """Gone: the block is."""


class Blocks:
    """Lists of a table's rows, each stored as numbered blocks. The rows of the table are those of a base, and are never freed.

    Key of a block: the row's, a separator, and the block's number.
    """

    part_name: str

    def grow(self, size: int) -> None:
        """Make room for `size` rows, as the table did."""
        raise NotImplementedError

    def layout(self) -> Layout:
        """The layout of a block's entries: a value is its fingerprint and the entries' bytes."""
        raise NotImplementedError

    def column_names(self) -> set[str]:
        """The declared columns."""
        return {name for name, _, _ in self.layout().columns}

    def take_changes(self) -> BlockChanges:
        """The blocks changed since the last call."""
        raise NotImplementedError

    def forget_changes(self) -> None:
        """Used instead of `take_changes` where nothing is stored."""
        raise NotImplementedError

    def load(self, rows: Rows, numbers: Ints, values: ByteStrings) -> None:
        """Take blocks read back; a row's may come in several calls, in any order. `loaded` follows the last."""
        raise NotImplementedError

    def loaded(self) -> None:
        """Put what `load` took in place. Raises StateRefused where blocks are missing."""
        raise NotImplementedError
