"""Inputs that once gave wrong events, with their right ones (`docs/semantics.md`): currencies, lateness, roaming, repeats, owners, places."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app

FOLDER = Path(__file__).parent / "reports"
WANTED = {
    "01a-currency-releases": ["02:00 balance.low", "02:05 topup.completed", "02:05 topup.first"],
    "01c-currency-hides": ["02:00 balance.critical", "02:00 balance.depleted", "04:00 balance.critical", "04:00 balance.depleted"],
    "03-national-roaming": [
        *("07:30 travel.city_changed", "07:30 travel.tourist_city", "07:30 travel.trip_started", "07:30 travel.holiday_trip"),
        *("03:30 travel.city_changed", "03:30 travel.returned_home"),
    ],
    "06a-civil-day-goes-back": ["17:00 line.first_use", "02:00 data.heavy_day"],
    "07a-late-by-another-line": ["02:00 balance.low"],
    "08a-file-delivered-twice": ["01:00 line.first_use"],
    "09a-owner-change-by-the-new-owner": ["02:00 balance.critical", "02:00 balance.depleted", "04:30 topup.completed", "04:30 topup.first"],
    "10-line-restored": ["02:00 line.terminated", "03:00 balance.low"],
    "14-step-crossed-by-a-late-record": ["02:05 balance.drop", "02:01 spend.day_step", "02:10 balance.rapid_drop"],
    "15a-border-town": ["04:00 travel.intl_arrival"] * 3,
    "g2_first_topup_two_seconds_late": ["02:00 balance.low", "02:00 topup.completed", "02:00 topup.first", "03:00 topup.completed"],
}
"""By folder, the events in their order: time of day (UTC) and id."""


def replayed(name: str, tmp_path: Path) -> list[str]:
    folder, out = FOLDER / name, tmp_path / "events.jsonl"
    reference = ["--reference", str(folder / "ref")] if (folder / "ref").is_dir() else []
    done = CliRunner().invoke(app, ["replay", str(folder / "in.jsonl"), *reference, "--out", str(out), "--rejects", str(tmp_path / "rejects.jsonl")])
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return [f"{event['time'][11:16]} {event['data']['event']}" for event in events]


@pytest.mark.parametrize("name", WANTED)
def test_an_input_gives_its_events(name, tmp_path):
    assert replayed(name, tmp_path) == WANTED[name]


def test_forty_records_that_come_twice_count_once(tmp_path):
    assert Counter(line.split()[1] for line in replayed("g1_redelivered_40", tmp_path)) == {
        "topup.completed": 40,
        "topup.first": 1,
        "topup.small_frequent": 13,
        "milestone.topup_count": 1,
    }
