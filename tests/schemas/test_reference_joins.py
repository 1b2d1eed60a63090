"""What is joined: countries of networks, zones of owners over time, holidays of covered years, truths that may be unknown."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas.reference
from schemas.codes import UNSURE, code, keep, text_of
from schemas.iso import COUNTRIES
from schemas.reference import Reference
from schemas.reference.line import Lines
from schemas.reference.plmn import SHARED
from schemas.reference.reading import Row

MAY = 1_777_593_600_000
"""2026-05-01T00:00:00Z."""
NOW = np.array([MAY])
BUILT_IN = Reference.load()


def one(text):
    return np.array([code(text)])


def country(reference, plmn):
    (found,) = reference.plmn.country(one(plmn), NOW).tolist()
    return text_of(found) if found else None


@pytest.mark.parametrize(
    ("plmn", "expected"),
    [
        *(("310-260", "US"), ("310-370", None), ("310-110", "MP"), ("310-032", "GU"), ("311-470", "VI"), ("313-790", "PR"), ("310-59", "BM"), ("310-999", None)),
        *(("312-530", "US"), ("316-010", "US"), ("338-05", None), ("338-110", "JM"), ("425-05", "PS"), ("425-01", "IL"), ("425-99", None)),
        *(("234-15", "GB"), ("234-58", "IM"), ("234-55", None), ("234-00", "GB"), ("235-94", "GB"), ("505-01", "AU"), ("505-10", "NF")),
        *(("340-20", None), ("362-51", None), ("647-00", None), ("340", None), ("310", None)),
        *(("363-01", "AW"), ("342-600", "BB"), ("547-20", "PF"), ("221-01", "XK"), ("289-67", "GE"), ("742-01", "GF"), ("350-00", "BM"), ("308-01", "PM")),
        *(("255-00", "MD"), ("255-01", "UA"), ("460-00", "CN"), ("460-99", "CN"), ("461-01", "CN"), ("208-01", "FR"), ("999-99", None), ("001-01", None)),
    ],
)
def test_the_country_of_a_network_is_that_of_its_row_or_of_its_code_where_that_has_one(plmn, expected):
    assert country(BUILT_IN, plmn) == expected


def test_every_built_in_country_is_real_and_no_shared_code_stands_alone():
    rows = list(csv.DictReader((Path(schemas.reference.__file__).parent / "data" / "plmn.csv").open(encoding="utf-8")))
    assert {row["country"] for row in rows} <= COUNTRIES
    alone = {row["plmn"] for row in rows if "-" not in row["plmn"]}
    assert not alone & SHARED
    assert {row["plmn"][:3] for row in rows} <= alone | SHARED
    assert len(alone) == 225


def test_a_file_s_networks_say_nothing_of_others_under_a_shared_code(tmp_path):
    (tmp_path / "plmn.csv").write_text("plmn,country,home\n425-05,PS,\n262-01,DE,1\n310,US,\n310-370,GU,\n")
    reference = Reference.load(tmp_path)
    assert [country(reference, plmn) for plmn in ("425-05", "425-01", "262-02", "310-260", "310-370", "208-01")] == ["PS", None, "DE", "US", "GU", None]


def test_a_network_is_home_by_its_row_or_its_code_alone(tmp_path):
    assert Reference.load(country="DE").plmn.home(one("262-01"), NOW).tolist() == [True]
    assert Reference.load(country="DE").plmn.home(one("460-00"), NOW).tolist() == [False]
    (tmp_path / "plmn.csv").write_text("plmn,country,home,valid_from\n262-01,DE,1,\n262-02,DE,0,\n262-03,DE,,\n262-02,DE,1,2026-06-01\n")
    plmn = Reference.load(tmp_path).plmn
    asked = np.array([code(f"262-0{n}") for n in (1, 2, 3, 4)])
    assert plmn.home(asked, NOW.repeat(4)).tolist() == [1, 0, UNSURE, UNSURE]
    assert plmn.get("home", asked, NOW.repeat(4)).tolist() == [1, 0, UNSURE, UNSURE]
    assert plmn.home(one("262-02"), np.array([MAY + 31 * 86_400_000])).tolist() == [True]


def test_a_truth_that_a_file_does_not_give_is_unknown(tmp_path):
    (tmp_path / "devices.csv").write_text("tac,is_5g\n00000001,true\n00000002,false\n00000003,\n")
    device = Reference.load(tmp_path).device
    asked = np.array([code(f"0000000{n}") for n in (1, 2, 3, 4)])
    assert device.get("is_5g", asked, NOW.repeat(4)).tolist() == [1, 0, UNSURE, UNSURE]
    assert device.is_5g(asked, NOW.repeat(4)).tolist() == [1, 0, UNSURE, UNSURE]


def test_a_country_has_a_tourist_city_as_long_as_one_of_its_rows_says_so(tmp_path):
    rows = "A,FR,true,\nA,FR,false,2026-05-02\nB,FR,false,\nC,DE,false,\nD,IT,false,\nE,IT,,\n"
    (tmp_path / "cities.csv").write_text(f"city_code,country,tourist,valid_from\n{rows}")
    city = Reference.load(tmp_path).city
    day = 86_400_000
    assert [city.has_tourist_city(one("FR"), np.array([at])).tolist() for at in (MAY, MAY + day - 1, MAY + day)] == [[1], [1], [0]]
    assert [city.has_tourist_city(one(of), NOW).tolist() for of in ("DE", "IT", "ES", "")] == [[0], [UNSURE], [UNSURE], [UNSURE]]


def day_of(year, month, day):
    return (date(year, month, day) - date(1970, 1, 1)).days


def test_a_calendar_says_which_years_it_covers(tmp_path):
    days = np.array([day_of(*of) for of in ((1990, 10, 1), (1991, 10, 3), (2008, 1, 1), (2008, 1, 2), (2026, 10, 3), (2100, 12, 25), (2101, 12, 25))])
    german = BUILT_IN.holiday.is_holiday(np.full(7, code("DE")), days, NOW.repeat(7))
    assert german.tolist() == [UNSURE, 1, 1, 0, 1, 1, UNSURE]
    assert BUILT_IN.holiday.coverage("DE") == (1991, 2100)
    assert BUILT_IN.holiday.coverage("ZZ") is None
    assert BUILT_IN.holiday.is_holiday(one("ZZ"), days[:1], NOW).tolist() == [UNSURE]
    assert BUILT_IN.holiday.is_holiday(one("CN"), np.array([-(2**63)]), NOW).tolist() == [UNSURE]
    assert BUILT_IN.holiday.is_holiday(one(""), days[2:3], NOW).tolist() == [UNSURE]
    (tmp_path / "holidays.csv").write_text("date,name,kind,country\n2025-05-01,Labour Day,,\n2026-05-09,,makeup_workday,CN\n2026-05-01,May Day,holiday,DE\n")
    own = Reference.load(tmp_path).holiday
    asked = [("CN", 2025, 5, 1), ("CN", 2025, 5, 2), ("CN", 2026, 5, 9), ("CN", 2026, 5, 1), ("CN", 2027, 5, 1), ("DE", 2026, 5, 1), ("DE", 2025, 5, 1)]
    countries, days = np.array([code(of) for of, *_ in asked]), np.array([day_of(*of) for _, *of in asked])
    assert own.is_holiday(countries, days, NOW.repeat(7)).tolist() == [1, 0, 0, 0, UNSURE, 1, UNSURE]
    assert [text_of(name) if name else None for name in own.holiday(countries, days, NOW.repeat(7)).tolist()][:2] == ["Labour Day", None]
    assert (own.coverage("CN"), own.coverage("DE"), own.coverage("FR")) == ((2025, 2026), (2026, 2026), None)


def test_a_holiday_counts_from_the_moment_it_is_decreed(tmp_path):
    (tmp_path / "holidays.csv").write_text("date,name,kind,valid_from\n2026-05-09,,makeup_workday,\n2026-05-09,Extra,holiday,2026-05-05\n2026-06-01,Late,,2026-05-20\n")
    holiday = Reference.load(tmp_path).holiday
    days, moments = np.array([day_of(2026, 5, 9)] * 2 + [day_of(2026, 6, 1)] * 2), np.array([MAY, MAY + 4 * 86_400_000, MAY + 19 * 86_400_000 - 1, MAY + 19 * 86_400_000])
    assert holiday.is_holiday(one("CN").repeat(4), days, moments).tolist() == [0, 1, 0, 1]


def test_offerings_have_a_currency(tmp_path):
    (tmp_path / "offerings.csv").write_text("offering_id,kind,price_minor,currency\nP1,plan,500,EUR\n")
    assert text_of(int(Reference.load(tmp_path).offering.get("currency", one("P1"), NOW)[0])) == "EUR"


def test_the_zone_of_an_owner_follows_its_lines(tmp_path):
    header = "subscription_id,customer_id,account_id,tz,valid_from\n"
    rows = ["S2,C1,A1,Asia/Shanghai,", "S2,C1,A1,Europe/Berlin,2026-05-02", "S1,C1,A1,Asia/Kathmandu,2026-05-03", "S1,C9,A9,Asia/Tokyo,2026-05-04", "S2,C1,A1,,2026-05-05"]
    (tmp_path / "lines.csv").write_text(header + "\n".join(rows) + "\n")
    line = Reference.load(tmp_path).line
    moments = np.array([0, *(MAY + n * 86_400_000 + ms for n in range(1, 5) for ms in (-1, 0))])
    expected = ["Asia/Shanghai", "Asia/Shanghai", "Europe/Berlin", "Europe/Berlin", "Asia/Kathmandu", "Asia/Kathmandu", "Europe/Berlin", "Europe/Berlin", None]
    for zones in (line.zone_of_account(one("A1").repeat(9), moments), line.zone_of_customer(one("C1").repeat(9), moments)):
        assert [text_of(zone) if zone else None for zone in zones.tolist()] == expected
    assert [text_of(zone) if zone else None for zone in line.zone_of_customer(one("C9").repeat(2), moments[-4:-2] + 86_400_000).tolist()] == ["Asia/Tokyo"] * 2
    assert line.zone_of_customer(one("C9"), NOW).tolist() == [0]


ZONES = ("Asia/Shanghai", "Europe/Berlin", "Asia/Tokyo", "")
LINES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.sampled_from(["C1", "C2", ""]), st.sampled_from(ZONES)), unique_by=lambda row: row[:2])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(LINES, st.lists(st.tuples(st.sampled_from(["C1", "C2", "C3"]), st.integers(-1, 10)), min_size=1))
def test_the_zone_of_an_owner_is_that_of_its_lowest_line_of_the_moment(rows, asked):
    def row(line, begin, owner, zone):
        return Row("here", {"subscription_id": line, "customer_id": owner, "tz": zone, "valid_from": f"2026-05-01T00:00:0{begin}Z"})

    lines = Lines([row(*values) for values in rows], [])
    expected = []
    for owner, at in asked:
        own = []
        for line in "abc":
            valid = [(begin, who, zone) for of, begin, who, zone in rows if of == line and begin <= at]
            if valid and max(valid)[1] == owner:
                own.append((line, max(valid)[2]))
        expected.append(min(own)[1] if own else "")
    found = lines.zone_of_customer(np.array([keep(owner) for owner, _ in asked]), np.array([MAY + 1000 * at for _, at in asked]))
    assert [text_of(zone) if zone else "" for zone in found.tolist()] == expected
