"""Civil time over columns equals zoneinfo's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns import DAY_MS
from streams.engine.calendar import LAST_S, Calendar, UnknownZone

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kathmandu", "Australia/Lord_Howe")
CALENDAR = Calendar()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBERS = [CALENDAR.zone(name) for name in ZONES]
LATER = 400
CHANGES = [int(start) for number in NUMBERS for start in CALENDAR.zones[number].starts[1:] if start < LAST_S * 1000 - (LATER + 1) * DAY_MS]
NEAR_CHANGES = [start + shift for start in CHANGES for shift in (-3_600_000, -1, 0, 1, 1_800_000, 3_600_000)]
MOMENTS = st.one_of(st.integers(946_684_800_000, 2_300_000_000_000), st.sampled_from(NEAR_CHANGES))


def to_ms(moment):
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(MOMENTS, st.integers(0, len(ZONES) - 1), st.integers(0, LATER)), min_size=1))
def test_days_midnights_and_days_later_as_zoneinfo_has_them(asked):
    times, zones = np.array([a[0] for a in asked]), np.array([NUMBERS[a[1]] for a in asked])
    local = [(EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(ZONES[zone])) for ms, zone, _ in asked]
    days = CALENDAR.day(times, zones)
    assert days.tolist() == [(moment.date() - EPOCH.date()).days for moment in local]
    midnights = [datetime(m.year, m.month, m.day, tzinfo=m.tzinfo) for m in local]
    assert CALENDAR.midnight(days, zones).tolist() == [to_ms(m) for m in midnights]
    for at, (_, _, later) in enumerate(asked[:3]):
        wanted = to_ms((local[at].replace(tzinfo=None, fold=0) + timedelta(days=later)).replace(tzinfo=local[at].tzinfo))
        assert CALENDAR.add_days(times[at : at + 1], later, zones[at : at + 1]).tolist() == [wanted]


def test_a_time_in_the_spring_gap_is_shifted_forward():
    berlin = CALENDAR.zone("Europe/Berlin")
    start = np.array([to_ms(datetime(2026, 3, 22, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")))])
    assert CALENDAR.add_days(start, 7, berlin).tolist() == [to_ms(datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")))]


def test_an_ambiguous_time_is_its_first_occurrence():
    berlin = CALENDAR.zone("Europe/Berlin")
    day = np.array([(datetime(2026, 10, 25, tzinfo=UTC) - EPOCH).days])
    assert CALENDAR.at(day, int(2.5 * 3_600_000), berlin).tolist() == [to_ms(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))]


def test_weeks_begin_on_monday_and_unknown_zones_are_refused():
    sunday = (datetime(2026, 5, 3, tzinfo=UTC) - EPOCH).days
    assert Calendar.week_start(np.array([sunday, sunday + 1])).tolist() == [sunday - 6, sunday + 1]
    with pytest.raises(UnknownZone, match="wanted an IANA name"):
        Calendar().zone("Mars/Olympus")
