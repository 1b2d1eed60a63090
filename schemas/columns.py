"""Types of columns, and a length of time that columns are computed with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
"""Numbers, times (epoch ms), dates (days since 1970) or text codes."""
Bools = npt.NDArray[np.bool_]
DAY_MS = 86_400_000
"""24 hours of elapsed time; a civil day may be longer or shorter."""
