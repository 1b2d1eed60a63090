"""`kairos reference`, and what a start says of reference data that is odd or missing."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.reference import TABLES, Reference, ReferenceFault
from schemas.reference.page import columns_of
from streams import settings
from streams.builder import shard_builder
from streams.cli import app
from streams.definitions.catalogue import Catalogue
from streams.definitions.first_ever import first_ever, silent_lines, taken_for_granted
from streams.definitions.reference_use import missing_tables, needed

run = CliRunner().invoke
PAGE = (Path(__file__).parents[2] / "docs" / "reference-data.md").read_text("utf-8")
EXAMPLES = re.findall(r"```csv ([a-z]+\.csv)\n(.*?)```", PAGE, re.DOTALL)


def examples(folder):
    for name, content in EXAMPLES:
        (folder / name).write_text(content, encoding="utf-8")


def test_a_good_folder_is_shown_table_by_table(tmp_path):
    examples(tmp_path)
    shown = run(app, ["reference", str(tmp_path)])
    assert shown.exit_code == 0
    assert re.search(r"^lines +3 +2  always to 2026-06-01T00:00", shown.output, re.MULTILINE)
    assert "warning" not in shown.output
    assert shown.output.endswith("no faults\n")


def test_faults_give_exit_code_1_beside_the_tables_that_are_good(tmp_path):
    (tmp_path / "plmn.csv").write_text("mcc,mnc,country\n425,5,PS\n425,1,IL\n")
    (tmp_path / "cells.csv").write_text("cell_id,city_code\nc,110000\n")
    shown = run(app, ["reference", str(tmp_path)])
    assert shown.exit_code == 1
    assert re.search(r"^cells +1 +1 ", shown.output, re.MULTILINE)
    (fault,) = [line for line in shown.output.splitlines() if line.startswith("fault: ")]
    assert fault.endswith("plmn.csv:2: plmn: wanted MCC-MNC such as 460-00, or an MCC alone, got '425-5' (a spreadsheet has dropped leading zeros: 425-05?) (2 times; also at 3)")


def test_a_missing_folder_is_a_fault_of_the_call(tmp_path):
    with pytest.raises(ReferenceFault, match="wanted a folder"):
        run(app, ["reference", str(tmp_path / "nowhere")], catch_exceptions=False)


def test_a_start_refuses_a_faulty_folder_and_names_the_events_that_miss_a_table(tmp_path, caplog):
    (tmp_path / "lines.csv").write_text("subscription_id,tz\nS1,Asia/Shangai\n")
    with pytest.raises(ReferenceFault, match=r"lines\.csv:2: tz: wanted a zone"):
        shard_builder(settings.load({"reference": str(tmp_path)}, environ={}))
    (tmp_path / "lines.csv").write_text("subscription_id,tz\nS1,Asia/Shanghai\n")
    with caplog.at_level(logging.WARNING, "kairos.reference"):
        shard_builder(settings.load({"reference": str(tmp_path)}, environ={}))
    (missing,) = [line for line in caplog.text.splitlines() if "reference: no cells.csv; silent without it: " in line]
    assert {"travel.city_changed", "travel.frequent_traveller", "travel.trip_started"} <= set(missing.split(": ")[-1].split(", "))
    assert "reference: no devices.csv; silent without it: device.upgraded_to_5g; fields unknown without it: device.changed" in caplog.text
    assert "lines.csv;" not in caplog.text


def test_tables_that_are_built_in_are_never_missed():
    catalogue = Catalogue.load()
    assert needed(catalogue.by_id["travel.tourist_city"]) == {"cell", "city"}
    assert [text.partition(";")[0] for text in missing_tables(catalogue, Reference.load())] == [
        f"reference: no {name}.csv" for name in ("cells", "offerings", "devices", "lines", "tiers")
    ]


def test_the_page_has_each_table_as_declared_and_examples_that_load(tmp_path):
    for table in TABLES:
        assert columns_of(table) in PAGE
    assert sorted(name for name, _ in EXAMPLES) == sorted(f"{table.file}.csv" for table in TABLES)
    examples(tmp_path)
    reference = Reference.load(tmp_path)
    assert reference.warnings == []
    assert all(not reference.is_empty(table.name) for table in TABLES)


def test_what_a_start_says_of_firsts(tmp_path):
    """Without `history_from` that old customers are greeted; with it how many lines have no beginning."""
    (tmp_path / "lines.csv").write_text("subscription_id,activation_date\nS1,2026-05-01\nS2,\nS3,\n")
    catalogue = Catalogue.load(only=("bill.first", "balance.low"))
    assert first_ever(catalogue) == ["bill.first"]
    assert taken_for_granted(catalogue).startswith("a first start without history_from: what is seen first counts as the first ever, for old customers too (bill.first): ")
    assert taken_for_granted(Catalogue.load(only=("balance.low",))) is None
    assert silent_lines(catalogue, Reference.load(tmp_path)) == "history_from: no activation_date for 2 of 3 lines; silent for them: bill.first"
    assert silent_lines(catalogue, Reference.load(None)) == "history_from: no lines.csv; silent for all lines: bill.first"
    (tmp_path / "lines.csv").write_text("subscription_id,activation_date\nS1,2026-05-01\n")
    assert silent_lines(catalogue, Reference.load(tmp_path)) is None
    told = run(app, ["reference", str(tmp_path)], env={"KAIROS_HISTORY_FROM": "2026-05-01"}).stdout
    assert "history_from" not in told
    (tmp_path / "lines.csv").write_text("subscription_id,activation_date\nS1,\n")
    told = run(app, ["reference", str(tmp_path)], env={"KAIROS_HISTORY_FROM": "2026-05-01"}).stdout
    assert "warning: history_from: no activation_date for 1 of 1 lines" in told
