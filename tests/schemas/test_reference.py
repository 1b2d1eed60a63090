"""Reference data: the built-in tables, files that replace them, versions, and all faults at once."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import NULL, code, text_of
from schemas.reference import Reference, ReferenceFault
from schemas.reference.cell import Cells
from schemas.reference.reading import Row

NOW = np.array([1_777_600_000_000])


def one(text):
    return np.array([code(text)])


def shown(column):
    return [text_of(c) if c else None for c in column.tolist()]


def test_without_files_tourist_cities_networks_and_holidays_are_known():
    reference = Reference.load()
    assert reference.city.distance_km(one("110000"), one("310000"), NOW).tolist() == [1068]
    assert reference.city.tourist(one("110000"), NOW).tolist() == [True]
    assert reference.city.tourist(one("440300"), NOW).tolist() == [False]
    assert shown(reference.city.names(one("FRPAR"), NOW)) == ["Paris"]
    assert reference.city.has_tourist_city(one("FR"), NOW).tolist() == [True]
    assert shown(reference.plmn.country(np.concatenate([one("208-01"), one("460-00"), one("999-99")]), NOW.repeat(3))) == ["FR", "CN", None]
    day = (date(2026, 5, 1) - date(1970, 1, 1)).days
    assert reference.holiday.holiday(one("CN"), np.array([day]), NOW)[0] != 0
    assert reference.holiday.holiday(one("CN"), np.array([day + 10]), NOW)[0] == 0
    assert reference.city.distance_km(one("110000"), one("nowhere"), NOW).tolist() == [NULL]


def test_the_home_country_is_the_installations():
    assert text_of(Reference.load(country="DE").plmn.home_code) == "DE"
    assert Reference.load(country="DE").plmn.home(one("262"), NOW).tolist() == [True]


def test_a_file_replaces_its_table_and_knows_other_names_of_columns(tmp_path):
    (tmp_path / "cells.csv").write_text("cell,city,tags\nc1,X1,airport;scenic\n")
    (tmp_path / "plmn.csv").write_text("mcc,mnc,country,home\n262,01,DE,yes\n262,02,DE,0\n")
    (tmp_path / "cities.json").write_text(json.dumps([{"city_code": "X1", "name": "Xville", "tourist": 1, "lat": 1.5, "lon": 2}]))
    reference = Reference.load(tmp_path)
    assert shown(reference.cell.city(one("c1"), NOW)) == ["X1"]
    assert [text_of(c) for c in reference.cell.data["poi_tags"][0]] == ["airport", "scenic"]
    assert text_of(reference.plmn.home_code) == "DE"
    assert shown(reference.plmn.country(one("262-77"), NOW)) == ["DE"]
    assert reference.city.size == 1
    assert reference.city.tourist(one("X1"), NOW).tolist() == [True]


def test_the_row_valid_at_the_event_time_is_taken(tmp_path):
    (tmp_path / "cells.csv").write_text("cell_id,city_code,valid_from\nc1,A,\nc1,B,2026-05-01T00:00:00Z\nc1,C,2027-01-15T08:00:00Z\n")
    cell = Reference.load(tmp_path).cell
    moments = np.array([0, 1_777_593_599_999, 1_777_593_600_000, 1_799_999_999_999, 1_800_000_000_000])
    assert shown(cell.city(one("c1").repeat(5), moments)) == ["A", "A", "B", "B", "C"]


def test_all_faults_of_all_files_are_reported_at_once(tmp_path):
    (tmp_path / "cities.csv").write_text("city_code,tourist,lat\nX1,maybe,1\nX2,true,north\n")
    (tmp_path / "lines.csv").write_text("subscription_id,activation_date\nS1,soon\n,2026-01-01\n")
    (tmp_path / "plmn.json").write_text("{")
    with pytest.raises(ReferenceFault) as caught:
        Reference.load(tmp_path)
    text = str(caught.value)
    for words in (
        "cities.csv:2: tourist: wanted true or false, got 'maybe'",
        "cities.csv:3: lat",
        "lines.csv:2: activation_date",
        "lines.csv:3: subscription_id: wanted a value",
        "plmn.json",
    ):
        assert words in text
    with pytest.raises(ReferenceFault, match="wanted a folder"):
        Reference.load(tmp_path / "nowhere")


def test_zones_of_owners_are_those_of_their_lowest_line(tmp_path):
    (tmp_path / "lines.csv").write_text("subscription_id,customer_id,account_id,tz\nS2,C1,A1,Europe/Berlin\nS1,C1,A2,Asia/Kathmandu\n")
    line = Reference.load(tmp_path).line
    assert shown(line.zone_of_customer(one("C1"), NOW)) == ["Asia/Kathmandu"]
    assert shown(line.zone_of_account(one("A1"), NOW)) == ["Europe/Berlin"]
    assert shown(line.zone_of_account(one("A9"), NOW)) == [None]


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.sampled_from("xyz")), unique_by=lambda row: row[:2])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ROWS, st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-1, 21)), min_size=1))
def test_find_is_the_latest_row_that_is_valid(rows, asked):
    table = Cells([Row("here", {"cell_id": key, "city_code": city, "valid_from": f"2026-05-01T00:00:{begin:02}Z"}) for key, begin, city in rows], [])
    expected = []
    for key, at in asked:
        valid = [(begin, city) for own, begin, city in rows if own == key and begin <= at]
        expected.append(max(valid)[1] if valid else None)
    assert shown(table.city(np.array([code(key) for key, _ in asked]), np.array([1_777_593_600_000 + 1000 * at for _, at in asked]))) == expected
