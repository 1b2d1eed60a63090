"""Many times as texts are what the standard library writes of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.engine import time_texts
from streams.engine.detection import rfc3339
from streams.engine.time_texts import texts_of_times
from tests.engine.stage_bench import interpreted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
times = st.lists(st.tuples(st.integers(-62_000_000_000_000, 253_370_000_000_000), st.integers(-18 * 60, 18 * 60)), max_size=20)


@given(times)
def test_they_are_those_of_the_standard_library(found):
    at = np.array([time for time, _ in found], np.int64)
    offsets = np.array([minutes * 60_000 for _, minutes in found], np.int64)
    utc = [(EPOCH + timedelta(milliseconds=time)).isoformat(timespec="milliseconds").replace("+00:00", "Z") for time, _ in found]
    local = [(EPOCH + timedelta(milliseconds=time)).astimezone(timezone(timedelta(minutes=minutes))).isoformat(timespec="milliseconds") for time, minutes in found]
    for kernels in ([time_texts], []):
        with interpreted(*kernels):
            assert texts_of_times(at) == utc
            assert texts_of_times(at, offsets) == local
    assert utc == [rfc3339(time) for time, _ in found]


def test_every_day_of_four_hundred_years():
    days = np.arange(-25_567, 120_530) * 86_400_000 + 86_399_999
    first = datetime(1900, 1, 1, tzinfo=UTC)
    assert [text[:10] for text in texts_of_times(days)] == [(first + timedelta(days=n)).date().isoformat() for n in range(len(days))]
