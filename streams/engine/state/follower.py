"""State that is kept by a table's rows but stored elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from streams.engine.state.codec import Layout
    from streams.engine.state.packing import ByteStrings, Values
    from streams.engine.state.tables import Rows


class Follower:
    """State that has a table's row numbers but is stored elsewhere, such as the members of windows."""

    part_name: str
    dropped = 0
    """Members dropped because their list was full, since this was last read."""

    def grow(self, size: int) -> None:
        """Make room for `size` rows, as the table did."""
        raise NotImplementedError

    def clear(self, rows: Rows) -> None:
        """Empty `rows`."""
        raise NotImplementedError

    def free(self, rows: Rows) -> None:
        """Empty `rows`, whose keys were deleted, without writing anything."""
        raise NotImplementedError

    def layout(self) -> Layout:
        """The layout of what `encode` writes."""
        raise NotImplementedError

    def column_names(self) -> set[str]:
        """The declared columns."""
        return {name for name, _, _ in self.layout().columns}

    def touch(self, rows: Rows) -> None:
        """Mark `rows` as changed."""
        raise NotImplementedError

    def take_dirty(self) -> Rows:
        """The rows changed since the last call."""
        raise NotImplementedError

    def encode(self, rows: Rows) -> Values:
        """The changelog values of `rows`; gone where nothing is left."""
        raise NotImplementedError

    def load(self, rows: Rows, layout: Layout, values: ByteStrings) -> None:
        """Read `values`, written in `layout`, into `rows`."""
        raise NotImplementedError

    def text_codes(self, rows: Rows) -> npt.NDArray[np.int64]:
        """The codes of texts that `rows` hold."""
        raise NotImplementedError

    def encode_with_codes(self, rows: Rows) -> tuple[Values, npt.NDArray[np.int64]]:
        """What `encode` and `text_codes` give of the same rows."""
        return self.encode(rows), self.text_codes(rows)
