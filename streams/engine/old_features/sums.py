"""Sums that cannot wrap: beyond 2**62 they stay there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from schemas.columns import Ints

LIMIT = 2**62
HALF = 32
LOW = (1 << HALF) - 1


def saturated(high: Ints, low: Ints) -> Ints:
    """`high` * 2**32 + `low` within the limit; both may be sums of up to 2**31 halves."""
    high = high + (low >> HALF)
    within = np.clip(high, -(LIMIT >> HALF), (LIMIT >> HALF) - 1)
    return np.where(high > within, LIMIT, np.where(high < within, -LIMIT, (within << HALF) | (low & LOW)))


def row_sums(mask: npt.NDArray[np.bool_], values: Ints) -> Ints:
    """The sum of each row of `values` where `mask`, both [rows, members]."""
    counted = np.where(mask, values, 0)
    return saturated((counted >> HALF).sum(1), (counted & LOW).sum(1))


def plus(left: Ints, right: Ints) -> Ints:
    """The sums of two columns."""
    return saturated((left >> HALF) + (right >> HALF), (left & LOW) + (right & LOW))
