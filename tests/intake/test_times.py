"""Times and dates as columns equal Python's own reading of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import NULL
from streams.intake.times import INVALID, epoch_days, epoch_ms

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), OFFSETS, st.integers(0, 3)), min_size=1))
def test_rfc3339_as_python_reads_it(moments):
    texts, expected = [], []
    for moment, offset, digits in moments:
        millis = moment.microsecond // 1000 // 10 ** (3 - digits) * 10 ** (3 - digits) if digits else 0
        moment = moment.replace(microsecond=millis * 1000, tzinfo=offset)
        fraction = f".{millis:03d}"[: 1 + digits] if digits else ""
        texts.append(moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%S") + fraction + moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:])
        expected.append((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
    assert epoch_ms(texts).tolist() == expected


def test_what_is_no_time_is_invalid():
    wrong = [
        "2026-05-01T09:30:00",
        "2026-05-01 09:30:00Z",
        "2026-13-01T09:30:00Z",
        "2026-02-29T09:30:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T09:30:00.Z",
        "2026-05-01T09:30:00.1234Z",
        "",
        "x",
        "2026-05-01T09:30:00Zx",
        "２026-05-01T09:30:00Z",
    ]
    assert epoch_ms(wrong).tolist() == [INVALID] * len(wrong)


def test_a_leap_second_is_the_last_millisecond_and_none_is_unknown():
    assert epoch_ms(["2016-12-31T23:59:60Z", None, 5]).tolist() == [1_483_228_799_999, NULL, 5]


@given(st.lists(st.dates(), min_size=1))
def test_dates(days):
    assert epoch_days([*map(str, days), None, "2026-02-30", "2026-5-1"]).tolist() == [*((day - date(1970, 1, 1)).days for day in days), NULL, INVALID, INVALID]
