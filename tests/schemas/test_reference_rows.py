"""Reference tables as rows by key: files to rows and back, and what is refused named by its key."""

from __future__ import annotations

import doctest
import json
import re
import tracemalloc
from pathlib import Path

import pytest

from schemas.reference import TABLES, Reference, ReferenceFault
from schemas.reference.folder import differences
from streams import reference_kept
from streams.reference_rows import Mirror, rows_of
from streams.sources.lookup import Lookup, LookupSpec

PAGE = (Path(__file__).parents[2] / "docs" / "reference-data.md").read_text("utf-8")
EXAMPLES = re.findall(r"```csv ([a-z]+\.csv)\n(.*?)```", PAGE, re.DOTALL)


def mirror(tmp_path, base=None):
    (tmp_path / "mirror").mkdir()
    return Mirror("operator.reference", tmp_path / "mirror", base)


def put(into, rows):
    for key, value in rows.items():
        into.put(key.encode(), value if isinstance(value, bytes | None) else json.dumps(value).encode())


def refusal(into):
    """Why a start would refuse what is there."""
    into.write()
    with pytest.raises(ReferenceFault) as fault:
        Reference.load(into.folder)
    return into.named(str(fault.value))


def test_the_tables_of_the_page_come_back_as_they_were(tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    for name, content in EXAMPLES:
        (given / name).write_text(content, "utf-8")
    rows, into = rows_of(given), mirror(tmp_path)
    assert {table.file for table in TABLES} == rows.keys()
    assert set(rows["lines"]) == {"lines/S1", "lines/S1@2026-06-01", "lines/S2"}
    assert set(rows["holidays"]) == {"holidays/2026-05-01,CN", "holidays/2026-05-09,CN"}
    for own in rows.values():
        put(into, own)
    into.write()
    assert list(differences(Reference.load(given), Reference.load(into.folder))) == []


def test_a_column_goes_with_its_last_row_and_its_order_is_no_change(tmp_path):
    into = mirror(tmp_path)
    put(into, {"lines/S1": {"subscription_id": "S1", "activation_dat": "2026-01-01"}, "lines/S2": {"subscription_id": "S2", "tz": "UTC"}})
    assert "activation_dat' is no column" in refusal(into)
    put(into, {"lines/S1": {"subscription_id": "S1", "activation_date": "2026-01-01"}})
    into.write()
    assert (into.folder / "lines.csv").read_text() == "subscription_id,activation_date,tz\nS1,2026-01-01,\nS2,,UTC\n"
    Reference.load(into.folder)
    put(into, {"lines/S2": {"tz": "UTC", "subscription_id": "S2"}})
    assert not into.changed
    put(into, {"lines/S2": {"tz": "UTC", "subscription_id": "S3"}})
    assert into.changed == {"lines"}


def test_a_row_takes_little_memory_beside_its_table(tmp_path):
    """As a dict of Python each took 960 bytes; docs/reference-data.md has the figures of millions."""
    into, count = mirror(tmp_path), 20_000
    tracemalloc.start()
    try:
        for n in range(count):
            row = {"subscription_id": f"S{n}", "customer_id": f"C{n}", "account_id": f"A{n}", "tz": "Asia/Shanghai", "activation_date": "2020-01-01", "home_city": "310000"}
            into.put(f"lines/S{n}".encode(), json.dumps(row).encode())
        into.write()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / count < 350
    assert into.rows["lines"].get("lines/S7")["home_city"] == "310000"


def test_the_example_of_kept_rows_holds():
    assert doctest.testmod(reference_kept).failed == 0


def test_json_files_and_columns_that_no_table_reads_come_too(tmp_path):
    (tmp_path / "lines.json").write_text('[{"subscription_id": "S1", "msisdn": "49151", "customer_id": "C1", "home_city": null, "valid_from": "2026-05-01"}]')
    (tmp_path / "cells.csv").write_text('cell,city,poi\n1,310000,"airport;campus"\n')
    rows, into = rows_of(tmp_path), mirror(tmp_path)
    assert json.loads(rows["lines"]["lines/S1@2026-05-01"]) == {"subscription_id": "S1", "msisdn": "49151", "customer_id": "C1", "valid_from": "2026-05-01"}
    put(into, {**rows["lines"], **rows["cells"], "cells/2": {"cell_id": "2", "city_code": "310000", "poi_tags": ["scenic", "campus"]}})
    into.write()
    assert "\n,,,2,310000,scenic;campus\n" in (into.folder / "cells.csv").read_text()
    found = Lookup.read(into.folder / "lines.csv", LookupSpec("lines.csv", "msisdn"), None, lambda *wrong: pytest.fail(str(wrong)))
    assert found.at("49151", found.place("customer_id"), 1_780_000_000_000) == "C1"


def test_the_newest_value_counts_and_none_removes_the_row(tmp_path):
    into = mirror(tmp_path)
    put(into, {"tiers/gold": {"tier": "gold", "rank": 1}, "tiers/silver": {"tier": "silver", "rank": 0}})
    put(into, {"tiers/gold": {"tier": "gold", "rank": 2}, "tiers/silver": None})
    into.write()
    assert (into.folder / "tiers.csv").read_text() == "tier,rank\ngold,2\n"
    put(into, {"tiers/gold": None})
    into.write()
    assert not (into.folder / "tiers.csv").exists()


def test_files_are_written_only_where_rows_differ(tmp_path):
    into = mirror(tmp_path)
    put(into, {"tiers/gold": {"tier": "gold", "rank": 1}})
    into.write()
    before = (into.folder / "tiers.csv").stat().st_ino
    put(into, {"tiers/gold": {"tier": "gold", "rank": 1}, "tiers/none": None})
    into.write()
    assert (into.folder / "tiers.csv").stat().st_ino == before


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (b"lines/S1", b"S1,C1", "operator.reference: lines/S1: wanted the row as a JSON object, got 'S1,C1'"),
        (b"lines/S1", b"[1]", "operator.reference: lines/S1: wanted the row as a JSON object, got '[1]'"),
        (b"line/S1", b"{}", "operator.reference: key 'line/S1': wanted TABLE/KEY or TABLE/KEY@VALID_FROM, such as lines/S1, with one of cells, cities, "),
        (b"S1", b"{}", "operator.reference: key 'S1': wanted TABLE/KEY"),
        (None, b"{}", "operator.reference: key '': wanted TABLE/KEY"),
    ],
)
def test_a_message_that_is_no_row_is_named_until_it_is_removed(tmp_path, key, value, says):
    into = mirror(tmp_path)
    into.put(key, value)
    assert into.fault().startswith(says)
    into.put(key, None)
    assert into.fault() is None


def test_a_cell_that_is_refused_is_named_by_topic_and_key(tmp_path):
    into = mirror(tmp_path)
    put(into, {"tiers/a": {"tier": "a\nb", "rank": 1}, "tiers/b": {"tier": "b", "rank": "high"}, "tiers/c": {"tier": "c", "rank": "low"}})
    says = refusal(into)
    assert "operator.reference: tiers/b: rank: wanted a whole number, got 'high' (2 times; also at tiers/c)" in says
    assert str(tmp_path) not in says


def test_two_keys_with_one_row_are_named(tmp_path):
    into = mirror(tmp_path)
    put(into, {"tiers/a": {"tier": "a", "rank": 1}, "tiers/a@x": {"tier": "a", "rank": 1}})
    assert refusal(into) == "operator.reference: tiers/a@x: tier: wanted one row for each tier and valid_from, got that of tiers/a again"


def test_a_misspelt_column_is_named_by_topic_and_table(tmp_path):
    into = mirror(tmp_path)
    put(into, {"tiers/a": {"tier": "a", "rank": 1, "valid_form": "2026-01-01"}})
    assert refusal(into).startswith("operator.reference: tiers: header: wanted columns of tier, rank, valid_from, got 'valid_form' is no column")


def test_tables_of_the_folder_stand_beside_those_of_the_topic(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "tiers.csv").write_text("tier,rank\nfrom the folder,1\n")
    (base / "devices.csv").write_text("tac,brand\n01234567,A\n")
    into = mirror(tmp_path, base)
    put(into, {"tiers/gold": {"tier": "gold", "rank": 1}})
    into.write()
    assert (into.folder / "devices.csv").read_text() == "tac,brand\n01234567,A\n"
    assert (into.folder / "tiers.csv").read_text() == "tier,rank\ngold,1\n"
    (base / "devices.csv").unlink()
    into.write()
    assert not (into.folder / "devices.csv").is_symlink()


def test_a_folder_with_faults_gives_no_rows(tmp_path):
    (tmp_path / "tiers.csv").write_text("tier,rnak\na,1\n")
    with pytest.raises(ReferenceFault, match="rank is missing"):
        rows_of(tmp_path)
