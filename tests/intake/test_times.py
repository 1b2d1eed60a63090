"""Times and dates as columns equal Python's own reading of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import NULL
from streams.intake.times import INVALID, epoch_days, epoch_ms

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), OFFSETS, st.integers(0, 14), st.sampled_from("Tt "), st.sampled_from((":", ""))), min_size=1))
def test_rfc3339_as_python_reads_it(moments):
    """Whatever the digits of the fraction: what is finer than a millisecond is cut off. A blank for T and an offset without colon are read too."""
    texts, expected = [], []
    for moment, offset, digits, letter, colon in moments:
        figures = f"{moment.microsecond:06d}99999999"[:digits]
        moment = moment.replace(microsecond=int(figures[:3].ljust(3, "0")) * 1000 if figures else 0, tzinfo=offset)
        fraction = "." + figures if figures else ""
        texts.append(moment.strftime("%Y").zfill(4) + moment.strftime(f"-%m-%d{letter}%H:%M:%S") + fraction + moment.strftime("%z")[:3] + colon + moment.strftime("%z")[3:])
        expected.append((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
    assert epoch_ms(texts).tolist() == expected
    assert [epoch_ms([text])[0] for text in texts] == expected


def test_what_is_no_time_is_invalid():
    wrong = [
        "2026-05-01T09:30:00",
        "2026-05-01_09:30:00Z",
        "2026-05-01  09:30:00Z",
        "2026-05-01T09:30:00 +08:00",
        "2026-05-01T09:30:00+08",
        "2026-05-01T09:30:00+080",
        "2026-05-01T09:30:00+08:0",
        "2026-05-01T09:30:00+08000",
        "2026-05-01T09:30:00+0800:",
        "2026-05-01T09:30:00+2400",
        "2026-05-01T09:30:00+0860",
        "2026-05-01T09:30:00Z\n",
        "2026-05-01T09:30:00.123Z\n",
        "2026-05-01T09:30:00.1234567890123\nZ",
        "2026-05-01T09:30:00." + "1" * 40,
        "2026-05-01T09:30:61Z",
        "2026-13-01T09:30:00Z",
        "2026-02-29T09:30:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T09:30:00.Z",
        "2026-05-01T09:30:00.123 Z",
        "",
        "x",
        "2026-05-01T09:30:00Zx",
        "２026-05-01T09:30:00Z",
    ]
    assert epoch_ms(wrong).tolist() == [INVALID] * len(wrong)
    assert [int(epoch_ms([text])[0]) for text in wrong] == [INVALID] * len(wrong)


def test_numbers_that_no_column_holds_are_no_time():
    huge = [2**63, -(2**63), -(2**63) - 1, 10**400]
    assert epoch_ms([*huge, "x", None]).tolist() == [INVALID] * 5 + [NULL]
    assert [int(epoch_ms([value])[0]) for value in huge] == [INVALID] * 4
    assert epoch_ms([2**63 - 1, 5]).tolist() == [2**63 - 1, 5]


def test_a_leap_second_is_the_last_millisecond_and_none_is_unknown():
    assert epoch_ms(["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", None, 5]).tolist() == [1_483_228_799_999, 1_483_228_799_999, NULL, 5]


@given(st.lists(st.dates(), min_size=1))
def test_dates(days):
    assert epoch_days([*map(str, days), None, "2026-02-30", "2026-5-1"]).tolist() == [*((day - date(1970, 1, 1)).days for day in days), NULL, INVALID, INVALID]
