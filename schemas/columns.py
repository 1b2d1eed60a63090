"""Types of columns, and a length of time that columns are computed with."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
"""Numbers, times (epoch ms), dates (days since 1970) or text codes."""
Bools = npt.NDArray[np.bool_]
DAY_MS = 86_400_000
"""24 hours of elapsed time; a civil day may be longer or shorter."""
FIRST_DAY = date(1970, 1, 1)


def day_of(text: str) -> int:
    """Days since 1970 of a date as YYYY-MM-DD. Raises ValueError.

    >>> day_of("1970-01-02")
    1
    """
    try:
        return (date.fromisoformat(text) - FIRST_DAY).days
    except ValueError as error:
        raise ValueError(f"wanted a date YYYY-MM-DD, got {text!r}: {error}") from error
