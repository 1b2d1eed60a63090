"""Civil time inside kernels is that of the calendar, and the lines are those of the reference data."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine import civil
from streams.engine.calendar import Calendar
from streams.engine.features import cuts, place_machine
from tests.engine.test_place import LINES, known

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/Santiago", "Africa/Casablanca")
CALENDAR = Calendar()
NUMBERS = {name: CALENDAR.zone(name) for name in ZONES}
TABLE = civil.Zones.of(CALENDAR)
NEAR = [start + shift for zone in CALENDAR.zones for start in zone.starts[1:].tolist() for shift in (-1, 0, 1, 1_800_000, -1_800_000)]
MOMENTS = st.one_of(st.integers(946_684_800_000, 4_102_444_800_000), st.sampled_from(NEAR))


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(ZONES), moment=MOMENTS, days=st.integers(-60, 400))
def test_kernels_and_calendar_agree(name, moment, days):
    """At any moment, those around changes of clocks too."""
    zone, times = NUMBERS[name], np.array([moment])
    assert civil.offset_at(*TABLE, zone, moment) == CALENDAR.offset_ms(times, zone)[0]
    assert civil.day_of(*TABLE, zone, moment) == CALENDAR.day(times, zone)[0]
    assert civil.days_later(*TABLE, zone, moment, days) == CALENDAR.add_days(times, days, zone)[0]
    assert civil.utc_of(*TABLE, zone, moment) == CALENDAR.at(np.array([0]), moment, zone)[0]


def test_the_row_of_a_line_is_the_one_valid_at_the_time():
    from types import SimpleNamespace

    from schemas.codes import code

    reference, calendar = known()[0], Calendar()
    lines = civil.lines_of(SimpleNamespace(reference=reference, calendar=calendar, default_zone=calendar.zone("UTC")))
    for line in (*(line for line, *_ in LINES), "S9"):
        for time in (0, 1_773_964_800_000 - 1, 1_773_964_800_000, 2_000_000_000_000):
            at = civil.line_at(lines, code(line), time)
            assert at == reference.line.find(np.array([code(line)]), np.array([time]))[0]
            zone, home = (calendar.names[lines[civil.ZONE, at]], lines[civil.HOME_CITY, at]) if at >= 0 else ("UTC", 0)
            assert home == reference.line.home_city(np.array([code(line)]), np.array([time]))[0]
            assert zone == {"S1": "Europe/Berlin", "S2": "UTC", "S4": "Pacific/Apia", "S9": "UTC"}.get(line, "Asia/Shanghai" if time < 1_773_964_800_000 else "Europe/Berlin")


@pytest.mark.parametrize("module", [civil, cuts, place_machine])
def test_examples_hold(module):
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)
