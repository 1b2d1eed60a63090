"""The settings of lateness and of the future hold for records, and what a dead letter says names the value that is set."""

from __future__ import annotations

import json

import pytest

from schemas.raw import TOPICS
from streams.builder import shard_builder
from streams.settings import load
from tests.streams.records import good

HOUR = 3_600_000
NOON = 1_777_608_000_000
"""2026-05-01T04:00:00Z."""


def letters_of(times, *, wall_ms=None, **given):
    """The reason and detail of each dead letter, of charges at these times."""
    build, _ = shard_builder(load({"only": ("balance.low",), **given}, environ={}))
    shard = build(0)
    values = [json.dumps(good("balance_change", record_id=f"r{number}", event_time=at)).encode() for number, at in enumerate(times)]
    shard.feed("raw.billing", range(len(values)), [b"C1"] * len(values), values, next_offset=len(values), wall_ms=wall_ms)
    for topic in TOPICS:
        shard.set_caught_up(topic, True)
    found = []
    while (step := shard.step(wall_ms, 100)) is not None:
        found += [{name: value.decode() for name, value in letter.headers} for letter in step.dead_letters]
    return [(letter["reason"], letter["detail"]) for letter in found]


@pytest.mark.parametrize(("given", "hours"), [({}, 48), ({"late_limit_ms": 3 * HOUR}, 3)])
def test_a_record_later_than_the_setting_is_refused_and_the_letter_says_by_how_much(given, hours):
    limit = hours * HOUR
    (letter,) = letters_of([NOON, NOON - limit, NOON - limit - 1], clock="records", **given)
    assert letter == ("late", f"event_time: wanted at most {hours} h behind the customer's last record of the topic")


@pytest.mark.parametrize(("given", "latest"), [({}, "2026-05-01T04:05:00Z"), ({"future_ms": 60_000}, "2026-05-01T04:01:00Z")])
def test_a_record_further_ahead_than_the_setting_is_refused_and_the_letter_says_of_what(given, latest):
    ahead = given.get("future_ms", 300_000)
    (letter,) = letters_of([NOON + ahead, NOON + ahead + 1], wall_ms=NOON, clock="wall", **given)
    assert letter == ("future", f"event_time: wanted {latest} or earlier (the wall clock and the setting future_ms), got later (raw.billing[0]@1)")
