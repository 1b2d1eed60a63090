"""Reference files: read as CSV, held to the rules of the records, each kind of fault once with file and line."""

from __future__ import annotations

import pytest

from schemas.codes import text_of
from schemas.iso import COUNTRIES, CURRENCIES
from schemas.reference import Reference, ReferenceFault


def faults(folder, **files):
    """What a start says of a folder with these files (names with `_csv`, `_json`)."""
    for name, content in files.items():
        path = folder / name.replace("_csv", ".csv").replace("_json", ".json")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        Reference.load(folder)
    except ReferenceFault as fault:
        return str(fault).splitlines()
    return []


HEADS = {
    "cells": "cell_id,city_code,lat,lon,valid_from\n",
    "cities": "city_code,country,tourist,tz,lat,lon\n",
    "plmn": "plmn,country,home\n",
    "devices": "tac,is_5g,release_date\n",
    "offerings": "offering_id,kind,price_minor,currency\n",
    "holidays": "date,kind,country\n",
    "lines": "subscription_id,tz,bill_cycle_day,payment_type,activation_date\n",
    "tiers": "tier,rank\n",
}

GOOD = [
    ("plmn", "460-00,CN,true"),
    ("plmn", "310-260,US,"),
    ("plmn", "460,CN,"),
    ("plmn", "221-01,XK,"),
    ("devices", "01234567,true,2026-05-01"),
    ("devices", "01234567,,2026-05-01T00:00:00Z"),
    ("cities", "X,GB,yes,Europe/London,90,180"),
    ("cities", "X,GB,0,Europe/London,-90,-180.0"),
    ("cities", "X,,,,,"),
    ("offerings", "P,plan,500,EUR"),
    ("offerings", "P,roaming_pack,500.0,BGN"),
    ("offerings", "P,vas,0,JPY"),
    ("offerings", "P,vas,,"),
    ("holidays", "2026-05-01,makeup_workday,CN"),
    ("holidays", "2026-05-01,,"),
    ("lines", "S,Asia/Shanghai,1,prepaid,2026-05-01"),
    ("lines", "S,Etc/UTC,31,postpaid,1999-12-31"),
    ("tiers", "gold,2"),
    ("tiers", "gold,"),
    ("cells", "c,110000,0,0,2026-05-01"),
    ("cells", "c,110000,0,0,2026-05-01T08:00:00.123456+08:00"),
    ("cells", "c,110000,0,0,"),
    ("cells", "c,110000,,,2024-02-29T00:00:00Z"),
]

BAD = [
    ("plmn", "460-0,CN,", "plmn: wanted MCC-MNC such as 460-00, or an MCC alone, got '460-0' (a spreadsheet has dropped leading zeros: 460-00?)"),
    ("plmn", "46000,CN,", "got '46000' (write 460-00)"),
    ("plmn", "4600,CN,", "dropped leading zeros"),
    ("plmn", "460-0000,CN,", "got '460-0000'"),
    ("plmn", "４６０-00,CN,", "wanted MCC-MNC"),
    ("plmn", "460-00,UK,", "country: wanted a country by ISO 3166-1 alpha-2 such as CN or DE, got 'UK' (did you mean GB?)"),
    ("plmn", "460-00,cn,", "got 'cn' (did you mean CN?)"),
    ("plmn", "460-00,ZZ,", "got 'ZZ'"),
    ("plmn", "460-00,,", "country: wanted a value, got an empty cell"),
    ("plmn", "460-00,CN,maybe", "home: wanted true or false, got 'maybe'"),
    ("devices", "1234567,true,", "tac: wanted 8 digits, got '1234567' (a spreadsheet has dropped a leading zero: 01234567?)"),
    ("devices", "123456789,true,", "tac: wanted 8 digits"),
    ("devices", "3.53311E+07,true,", "a spreadsheet has made a number of it"),
    ("devices", "01234567,true,20260501", "release_date: wanted a date YYYY-MM-DD, got '20260501' (write 2026-05-01)"),
    ("devices", "01234567,true,2026-02-30", "there is no such day"),
    ("devices", "01234567,true,2026-05-01x", "release_date: wanted a date"),
    ("cities", "X,GB,,Europe/London,90.001,0", "lat: wanted a number from -90 to 90, got '90.001'"),
    ("cities", "X,GB,,Europe/London,0,-180.5", "lon: wanted a number from -180 to 180"),
    ("cities", "X,GB,,Europe/London,nan,0", "lat: wanted a number"),
    ("cities", 'X,GB,,Europe/London,"48,1",0', "write the decimal sign as a point"),
    ("cities", "X,GB,,Europe/London,48.1,", "wanted lat and lon, both or neither"),
    ("cities", "X,GB,,London,,", "tz: wanted a zone by the IANA such as Asia/Shanghai, got 'London' (did you mean Europe/London?)"),
    ("offerings", "P,tariff,500,EUR", "kind: wanted one of plan, addon,"),
    ("offerings", "P,plan,500,", "currency: wanted a currency by ISO 4217, as price_minor is given, got an empty cell"),
    ("offerings", "P,plan,500,RMB", "currency: wanted a currency by ISO 4217 such as CNY, got 'RMB'"),
    ("offerings", "P,plan,500,eur", "did you mean EUR?"),
    ("offerings", "P,plan,-1,EUR", "price_minor: wanted a number from 0"),
    ("offerings", "P,plan,5.5,EUR", "price_minor: wanted a whole number, got '5.5'"),
    ("offerings", "P,plan,1_000,EUR", "price_minor: wanted a whole number"),
    ("offerings", "P,plan,9007199254740992,EUR", "price_minor: wanted a whole number"),
    ("holidays", "2026-05-01,half,CN", "kind: wanted one of holiday, makeup_workday, got 'half'"),
    ("lines", "S,Asia/Shangai,1,,", "tz: wanted a zone by the IANA"),
    ("lines", "S,Asia/shanghai,1,,", "did you mean Asia/Shanghai?"),
    ("lines", "S,,0,,", "bill_cycle_day: wanted a number from 1 to 31, got '0'"),
    ("lines", "S,,32,,", "bill_cycle_day: wanted a number from 1 to 31, got '32'"),
    ("lines", "S,,1,Prepaid,", "payment_type: wanted one of prepaid, postpaid, got 'Prepaid' (did you mean prepaid?)"),
    ("lines", " ,,1,,", "subscription_id: wanted a value, got an empty cell"),
    ("cells", "c,110000,0,0,20260501", "valid_from: wanted an RFC 3339 time or a date YYYY-MM-DD, got '20260501' (write 2026-05-01)"),
    ("cells", "c,110000,0,0,1777593600000", "epoch seconds, milliseconds"),
    ("cells", "c,110000,0,0,2026-05-01T00:00:00", "it lacks an offset"),
    ("cells", "c,110000,0,0,2026-W18-5", "valid_from: wanted"),
    ("cells", "c,110000,0,0,2026-05-01T24:61:00Z", "there is no such day or time"),
]


@pytest.mark.parametrize(("table", "row"), GOOD)
def test_what_the_records_allow_is_read(tmp_path, table, row):
    assert faults(tmp_path, **{f"{table}_csv": HEADS[table] + row + "\n"}) == []


@pytest.mark.parametrize(("table", "row", "says"), BAD)
def test_a_cell_that_no_record_may_have_is_a_fault_with_its_line(tmp_path, table, row, says):
    (fault,) = faults(tmp_path, **{f"{table}_csv": HEADS[table] + row + "\n"})
    assert f"{table}.csv:2: " in fault
    assert says in fault


def test_the_lists_of_codes_are_real():
    assert len(COUNTRIES) == 249 + 1
    assert {"CN", "PS", "XK", "CW", "SX", "BQ"} <= COUNTRIES
    assert not {"UK", "AN", "EU", "ZZ"} & COUNTRIES
    assert {"CNY", "EUR", "JPY", "SLE", "XCG"} <= CURRENCIES
    assert not {"RMB", "XXX", "XTS"} & CURRENCIES


def test_a_quoted_line_break_belongs_to_its_cell_and_lines_are_counted_as_an_editor_does(tmp_path):
    content = 'city_code,name,country\n310000,Shanghai,CN\nFRNCE,"Nice\r\nVille",FR\n\nX1,"a\u0085b\u2028c\x0bd",FR\nX2,bad,UK\n'
    (fault,) = faults(tmp_path, cities_csv=content)
    assert "cities.csv:7: country" in fault
    (tmp_path / "cities.csv").write_bytes(content.replace("UK", "GB").encode())
    cities = Reference.load(tmp_path).city
    assert {text_of(name) for name in cities.data["name"][:-1].tolist()} == {"Shanghai", "Nice\r\nVille", "a\u0085b\u2028c\x0bd", "bad"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_end_at_cr_and_lf(tmp_path, end, mark):
    assert faults(tmp_path, cells_csv=mark + end.join(["cell_id,city_code", "c1,110000", "c2,310000"]).encode()) == []
    assert Reference.load(tmp_path).cell.size == 2
    (fault,) = faults(tmp_path, cells_csv=mark + end.join(["cell_id,city_code,lat", "c1,110000,1", "c2,310000,91"]).encode())
    assert "cells.csv:3: lat" in fault


def test_each_kind_of_fault_is_listed_once_with_its_count_and_first_places(tmp_path):
    rows = "".join(f"P{n},plan,{'x' if n % 2 else 1},EUR\n" for n in range(1000))
    (fault,) = faults(tmp_path, offerings_csv=HEADS["offerings"] + rows)
    assert fault.endswith("offerings.csv:3: price_minor: wanted a whole number, got 'x' (500 times; also at 5, 7, 9, 11, 13, …)")
    (fault,) = faults(tmp_path, offerings_csv="offering_id,kind,pricee_minor\n" + rows)
    assert "offerings.csv:1: header: " in fault
    assert "'pricee_minor' is no column (did you mean price_minor?)" in fault


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "cell_id,citycode\nc,110000\n",
            "cells.csv:1: header: wanted columns of cell_id, city_code, lat, lon, poi_tags, valid_from, got 'citycode' is no column (did you mean city_code?)",
        ),
        ("cell_id\nc\n", "city_code is missing"),
        ("cell_id,city,city_code\nc,1,2\n", "city_code is given twice"),
        ("cell_id;city_code;lat;lon\nc;1;2;3\n", "wanted columns separated by commas"),
        ("c,110000\n", "cell_id is missing; city_code is missing"),
        ("", "wanted a header and rows"),
        ("cell_id,city_code\n", "wanted a header and rows"),
        ("\n\n", "wanted a header and rows"),
        ("cell_id,city_code\nc,110000,7\n", "cells.csv:2: wanted 2 cells as the header has, got 3"),
        ("cell_id,city_code,lat\nc,110000\n", "cells.csv:2: wanted 3 cells as the header has, got 2"),
        ('cell_id,city_code\nc,110000\nd,"110000\ne,1\n', "cells.csv:3: wanted CSV by RFC 4180"),
        ("cell_id,city_code\nc,110000\nd,\xe9\n".encode("latin-1"), "cells.csv:3: wanted UTF-8"),
        ("cell_id,city_code\n".encode("utf-16"), "cells.csv:1: wanted UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_fault(tmp_path, content, says):
    (fault,) = faults(tmp_path, cells_csv=content)
    assert says in fault


def test_further_columns_and_empty_last_cells_are_no_fault(tmp_path):
    assert faults(tmp_path, cells_csv="cell_id,city_code,azimuth\nc,110000,7,,\n") == []
    assert any("columns that are not read: azimuth" in warning for warning in Reference.load(tmp_path).warnings)


def test_json_faults_have_their_place(tmp_path):
    (fault,) = faults(tmp_path, cells_json='[\n{"cell_id": "c", "city_code": "110000"},\n{"cell_id": "d" "city_code"}]')
    assert "cells.json:3: wanted a JSON list of objects" in fault
    assert "cells.json: wanted a JSON list of objects, got dict" in faults(tmp_path, cells_json="{}")[0]
    assert "cells.json[1]: wanted a JSON list of objects, got int" in faults(tmp_path, cells_json='[{"cell_id": "c", "city_code": "110000"}, 7]')[0]
    assert "cells.json[0]: lat: wanted a text or a number" in faults(tmp_path, cells_json='[{"cell_id": "c", "city_code": "110000", "lat": [1]}]')[0]
    assert "cells.json[0]: header" in faults(tmp_path, cells_json='[{"cell_id": "c", "citycode": "110000"}]')[0]


def test_no_key_stands_twice_for_one_moment(tmp_path):
    twice = "460-00,CN,\n460-01,CN,\n460-00,CN,\n"
    (fault,) = faults(tmp_path, plmn_csv=HEADS["plmn"] + twice)
    assert "plmn.csv:4: plmn: wanted one row for each plmn and valid_from, got that of 2 again" in fault
    (fault,) = faults(tmp_path, plmn_csv="plmn,country,valid_from\n460-00,CN,2026-05-01\n460-00,CN,2026-05-01T08:00:00+08:00\n")
    assert "plmn.csv:3" in fault
    assert faults(tmp_path, plmn_csv="plmn,country,valid_from\n460-00,CN,2026-05-01\n460-00,CN,2026-05-02\n460-00,CN,\n") == []
    (tmp_path / "plmn.csv").unlink()
    assert faults(tmp_path, holidays_csv="date,country\n2026-05-01,CN\n2026-05-01,DE\n") == []
    assert len(faults(tmp_path, holidays_csv="date,country\n2026-05-01,CN\n2026-05-01,CN\n")) == 1


@pytest.mark.parametrize(
    "name",
    ["city.csv", "Cities.csv", "cities.CSV", "citys.csv", "cities.csv.gz", "cities.xlsx", "cities.txt", "cell.json", "device.csv", "offering.csv", "holiday.csv", "plmns.csv"],
)
def test_a_misnamed_table_is_a_fault(tmp_path, name):
    (tmp_path / name).write_text("x\n")
    with pytest.raises(ReferenceFault, match=r"did you mean (cities|cells|devices|offerings|holidays|plmn)\.csv\?"):
        Reference.load(tmp_path)


def test_other_files_are_named_and_hidden_ones_are_not(tmp_path):
    for name in ("antennas.csv", ".~lock.cities.csv#", "README.md", "~cities.csv"):
        (tmp_path / name).write_text("x\n")
    (warning,) = Reference.load(tmp_path).warnings
    assert "antennas.csv: not read; the tables are cells.csv, cities.csv" in warning


def test_a_table_that_cannot_be_opened_is_a_fault(tmp_path):
    (tmp_path / "cells.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "lines.csv").mkdir()
    (tmp_path / "plmn.json").write_text("[" * 100_000)
    with pytest.raises(ReferenceFault) as caught:
        Reference.load(tmp_path)
    assert [text.partition(": ")[0].rpartition("/")[2] for text in str(caught.value).splitlines()] == ["cells.csv", "lines.csv", "plmn.json"]


def test_one_file_for_each_table(tmp_path):
    (fault,) = faults(tmp_path, cells_csv="cell_id,city_code\nc,110000\n", cells_json='[{"cell_id": "c", "city_code": "110000"}]')
    assert "wanted one file for each table, got cells.csv and cells.json" in fault


def test_cells_in_cities_that_are_not_in_the_table(tmp_path):
    cells = "cell_id,city_code\nc1,310000\nc2,X1\nc3,X1\nc4,X2\n"
    assert faults(tmp_path, cells_csv=cells) == []
    (warning,) = Reference.load(tmp_path).warnings
    assert "cells.csv: city_code: 2 of 3 cities are not in the built-in table of cities" in warning
    assert warning.endswith("are unknown: X1, X2")
    (fault,) = faults(tmp_path, cities_csv="city_code,name\n31,Shanghai\n")
    assert "cells.csv: city_code: wanted codes of" in fault
    assert "none of them: 310000, X1, X2" in fault
    assert faults(tmp_path, cities_csv="city_code,name\n310000,Shanghai\nX1,X\nX2,Y\n") == []
    assert Reference.load(tmp_path).warnings == []
