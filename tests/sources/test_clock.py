"""Times of files are the moments that Python's own calendar says."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from streams.sources.clock import TimeReader, format_fault
from streams.sources.values import BAD

FORMS = ["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%SZ", "%d-%b-%y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%d.%m.%Y"]


def moments(count, seed=7):
    chance = random.Random(seed)
    return [dt.datetime(2001, 1, 1) + dt.timedelta(seconds=chance.randrange(60 * 366 * 86_400)) for _ in range(count)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("form", FORMS)
def test_any_time_of_any_format_and_zone(form, zone):
    texts = [moment.strftime(form) for moment in moments(500)]
    expected = [int(dt.datetime.strptime(text, form).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) for text in texts]
    assert TimeReader(form, zone, day_only=False).column(texts) == expected


@pytest.mark.parametrize("offset", ["Z", "+08:00", "-0330", ""])
@pytest.mark.parametrize("fraction", ["", ".5", ".123", ".123456789"])
def test_iso_with_any_fraction_and_offset(fraction, offset):
    chance = random.Random(1)
    texts = [f"{moment:%Y-%m-%d}{chance.choice('T ')}{moment:%H:%M:%S}{fraction}{offset}" for moment in moments(300)]
    zoned = [dt.datetime.fromisoformat(text[:19] + text[19:].replace(fraction, "", 1)).replace(tzinfo=None) for text in texts]
    zone = ZoneInfo("Europe/Berlin") if not offset else dt.datetime.fromisoformat("2026-01-01T00:00:00" + offset).tzinfo
    millis = int((fraction[1:] + "000")[:3])
    expected = [int(moment.replace(tzinfo=zone).timestamp()) * 1000 + millis for moment in zoned]
    assert TimeReader("iso", "Europe/Berlin", day_only=False).column(texts) == expected


def test_a_column_may_mix_widths_and_bad_values():
    reader = TimeReader("%d/%m/%Y %H:%M", "UTC", day_only=False)
    values = ["3/1/2014 9:05", "13/01/2014 09:05", None, "31/02/2014 09:05", "2014-01-03 09:05", "03/01/2014 24:00", ""]
    assert reader.column(values) == [1_388_739_900_000, 1_389_603_900_000, None, BAD, BAD, BAD, BAD]


def test_the_hour_that_is_skipped_and_the_one_that_comes_twice():
    reader = TimeReader("%Y-%m-%d %H:%M:%S", "Europe/Berlin", day_only=False)
    skipped, twice = reader.column(["2026-03-29 02:30:00", "2026-10-25 02:30:00"])
    assert skipped == int(dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC).timestamp()) * 1000  # 03:30 of summer time
    assert twice == int(dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC).timestamp()) * 1000  # the first of both
    assert TimeReader("%d-%b-%y %H:%M", "Europe/Berlin", day_only=False).column(["29-Mar-26 02:30", "25-Oct-26 02:30"]) == [skipped, twice]


@pytest.mark.parametrize(
    ("form", "value", "ms"),
    [("epoch s", "1777622400.25", 1_777_622_400_250), ("epoch ms", 1_777_622_400_250, 1_777_622_400_250), ("epoch us", "1777622400250999", 1_777_622_400_250)],
)
def test_epochs(form, value, ms):
    assert TimeReader(form, None, day_only=False).column([value, None, "x"]) == [ms, None, BAD]


def test_days_are_civil_days_of_the_zone():
    assert TimeReader("iso", "Asia/Shanghai", day_only=True).column(["2026-05-01T20:00:00Z", "2026-05-01"]) == ["2026-05-02", "2026-05-01"]


def test_formats_that_cannot_be():
    assert all(format_fault(form, day_only=False) is None for form in (*FORMS, "iso", "epoch s", "%Y-%j"))
    assert all(format_fault(form, day_only=False) for form in ("", "iso8601", "%H:%M", "%Y-%m", "%Y-%m-%d %Q", "%Y-%m-%d %I:%M", "%Y-%m-%d %"))
