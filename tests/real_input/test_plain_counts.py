"""Each event that a public data set can express: what is published is what a plain count finds, by line, time and payload."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime

import pytest

from streams import settings
from streams.builder import shard_builder
from streams.tools.replay import Replay
from tests.real_input.found import FOUND, MISSING
from tests.real_input.plain import balance, bill, calls, care, churn, lines, sessions, spend, topup, travel
from tests.real_input.plain.data import Data
from tests.real_input.worlds import WORLDS
from tests.shards import CATALOGUE

COUNTS = {event: count for family in (balance, topup, spend, bill, calls, sessions, churn, lines, care, travel) for event, count in family.COUNTS.items()}

SMALL, BLOCK = 20_000, 8


def twice(lines):
    """Blocks of lines delivered twice: what is repeated must change nothing."""
    return [line for start in range(0, len(lines), BLOCK) for line in 2 * lines[start : start + BLOCK]]


def write(folder, name, rows):
    header = list(rows[0])
    lines = [",".join(header), *(",".join(f'"{row[column]}"' for column in header) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")


def published(world, raw, reference):
    """(key, ms, detail) of each event of a replay, by id."""
    given = {"clock": "records", "zone": world.zone, "country": world.country, "events": world.parameters, "reference": reference}
    build, _ = shard_builder(settings.load(given, environ={}), keep_state=False)
    events = defaultdict(list)
    for step in Replay(build).run([str(raw)], until_ms=ms(world.until)):
        assert not step.dead_letters
        for message in step.events:
            event = json.loads(message.value)
            events[event["data"]["event"]].append((event["subject"], ms(event["time"]), event["data"]["detail"]))
    return events


def ms(time):
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def only(detail, names):
    return {name: detail[name] for name in names}


def in_order(events):
    return sorted(events, key=lambda event: (event[0], event[1], json.dumps(event[2], sort_keys=True)))


@pytest.mark.shared
@pytest.mark.parametrize("name", WORLDS)
def test_what_is_published_is_what_a_plain_count_finds(name, shared, tmp_path):
    """By line or account, time and the counted part of the payload; how many there are is in the table."""
    world = WORLDS[name](shared)
    fed = [json.dumps(record) for record in world.records]
    (tmp_path / "raw.jsonl").write_text("\n".join(fed if len(fed) > SMALL else twice(fed)) + "\n", "utf-8")
    for table, rows in world.reference.items():
        write(tmp_path, table, rows)
    events = published(world, tmp_path / "raw.jsonl", str(tmp_path) if world.reference else None)
    data, numbers = Data(fed, world.reference, world.zone, world.parameters, world.until), {}
    for event, count in COUNTS.items():
        counted = in_order(count(data))
        shown = counted[0][2] if counted else ()
        assert in_order((key, at, only(detail, shown)) for key, at, detail in events[event]) == counted, event
        numbers[event] = len(counted)
    assert {event: number for event, number in numbers.items() if number} == {event: of[name] for event, of in FOUND.items() if name in of}


def test_each_event_is_counted_somewhere_or_says_what_no_data_has():
    """None is counted where nothing was found: that would prove nothing."""
    assert FOUND.keys() == COUNTS.keys()
    assert sorted([*FOUND, *MISSING]) == sorted(event.id for event in CATALOGUE)
    assert all(number > 0 for of in FOUND.values() for number in of.values())
    assert all(of.keys() <= WORLDS.keys() for of in FOUND.values())
