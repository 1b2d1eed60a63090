"""`kairos records`: what it shows is what the declarations, the reader and the pages say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from schemas.raw import RECORD_TYPES, type_name
from streams.definitions.samples import faults_in, samples_of
from tests.cli.test_json import documented, keys_of
from tests.cli.test_replay import kairos

PAGE = (Path(__file__).parents[2] / "docs" / "records.md").read_text("utf-8")
EVERY = {type_name(record): record for record in RECORD_TYPES}


def document(*arguments):
    done = kairos("records", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def columns(name):
    return {column["name"]: column for column in document(name)["columns"]}


def on_the_page(name):
    """By field, whether it is required and what the page says it is."""
    found = {}
    for title in ("Every record", rf"[A-Z] `{name}`"):
        (section,) = re.findall(rf"^##+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
        found |= {field: (required == "yes", value) for field, required, value in re.findall(r"^\| `(\w+)` \| (yes)? ?\| (.*) \|$", section, re.MULTILINE)}
    return found


def test_all_types_are_listed():
    shown = document()
    assert keys_of(shown) == documented("kairos records --json")
    topic, page = "", []
    for line in PAGE.splitlines():
        topic = (re.findall(r"^## Topic `(.*)`", line) or [topic])[0]
        page += [(letter, name, topic) for letter, name in re.findall(r"^### (\w) `(\w+)`", line)]
    assert sorted(page) == sorted((one["letter"], one["record"], one["topic"]) for one in shown["records"])


def test_a_letter_and_a_name_give_the_same():
    assert document("B") == document("b") == document("balance_change")
    assert keys_of(document("B")) | keys_of(document("C")) == documented("kairos records RECORD --json")


@pytest.mark.parametrize("name", EVERY)
def test_columns_are_those_of_the_page(name):
    shown, page = columns(name), on_the_page(name)
    assert shown.keys() == page.keys()
    for field, (required, value) in page.items():
        column = shown[field]
        assert required == (not column["unknown"] and column["left_out"] is None), field
        assert sorted(column["values"] or ()) == sorted(re.findall(r"`([^`^]+)`", value)) if column["values"] else True, field
        assert ("ISO" in value) == ("ISO" in (column["standard"] or "")), field


@pytest.mark.parametrize("name", EVERY)
def test_every_column_has_a_meaning(name):
    assert [field for field, column in columns(name).items() if len(column["means"]) < 10] == []


@pytest.mark.parametrize("name", EVERY)
def test_the_reader_takes_what_is_shown_and_refuses_the_rest(name):
    record, shown = EVERY[name], columns(name)
    full, bare = samples_of(record)
    for field, column in shown.items():
        without = {key: value for key, value in bare.items() if key != field}
        if not column["unknown"] and column["left_out"] is None and field != "customer_id":
            assert faults_in(record, [without]), field
        if column["values"]:
            assert field in faults_in(record, [{**full, field: "no such value"}])[0]
            taken = [value for value in column["values"] if field not in faults_in(record, [{**full, field: value}]).get(0, "")]
            assert taken, field
        if column["most"] is not None:
            assert field in faults_in(record, [{**full, field: column["most"] + 1}])[0]


def test_the_table_has_values_units_bounds_rules_and_what_is_left_out(monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")
    shown = " ".join(re.sub(r"[│┃\s]+", " ", kairos("records", "B").stdout.decode()).split())
    for part in (
        "B.operation adjust_credit, adjust_debit, charge, expire, grant, topup, transfer_in, transfer_out",
        "B.valid_until a moment may be When it lapses; TMF654 `Bucket.validFor`. Rule: valid_from < valid_until.",
        "B.main a truth value False for promotional money. Left out: true.",
        "B.bucket_initial a whole number, `unit`, from 1 may be",
        "B.currency a text, ISO 4217 may be",
    ):
        assert part in shown


def test_an_unknown_record_type_is_refused():
    done = kairos("records", "balance")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"RECORD: wanted a letter or a name of a record type, such as B or balance_change, got 'balance': did you mean balance_change" in done.stderr
    assert b"`kairos records` lists them" in kairos("records", "zz").stderr


def test_the_ready_streams_of_a_record_are_named_with_their_file():
    lines = kairos("records", "B").stdout.decode().splitlines()
    (said,) = [line for line in lines if line.startswith("Ready streams of it: ")]
    assert {"money", "charges", "topups"} <= set(said.removeprefix("Ready streams of it: ").partition(". ")[0].split(", "))
    assert "calls" not in said
    assert said.partition(" They are in ")[2].partition(";")[0].endswith("events/words.py")
    assert not any(line.startswith("Ready streams") for line in kairos("records", "X").stdout.decode().splitlines())
