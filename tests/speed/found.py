"""`python -m tests.speed.found`: how many events are found where records arrive out of order, as the table of docs/found-events.md.

Each line makes charges, top-ups, calls and sessions over ten days. Its records reach the topics with a delay of up to the jitter: either
each line keeps its own order (files or nodes by line), or the records of one line are swapped too. Found are events with the same
id and content as from the same records in the order of their time.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import orjson

from schemas.raw import TOPICS
from schemas.reference import Reference
from streams.engine.engine import Engine, EngineSettings
from streams.shard import Shard, ShardSettings
from tests.shards import CATALOGUE, TOPIC_OF

START_MS = 1_777_593_600_000
DAY_MS = 86_400_000
LINES = 200
A_LINE = (1, 4, 20, 200)
JITTERS_S = (2, 10, 60)
PAGE = Path(__file__).parent.parent.parent / "docs" / "found-events.md"


def records_of(line: int, customer: int, dice: random.Random) -> list[dict[str, Any]]:
    """The records of one line in the order of their time: bursts of seconds, as real traffic has."""
    own: list[dict[str, Any]] = []
    balance, at = 3000, START_MS + dice.randrange(DAY_MS)
    for number in range(120):
        at += dice.choice((500, 2_000, 8_000, 45_000, 600_000, 4 * 3_600_000))
        kind = dice.choice(("charge", "charge", "charge", "topup", "drop", "session"))
        body: dict[str, Any]
        if kind in ("charge", "topup"):
            size = dice.choice((100, 400, 900, 1800)) if kind == "charge" else dice.choice((1000, 2000, 5000))
            before = balance
            balance = max(0, balance - size) if kind == "charge" else balance + size
            if before == balance:
                continue
            reason = {"charge_reason": "data"} if kind == "charge" else {}
            money = {"bucket_id": "main", "bucket_kind": "money", "main": True, "unit": "minor", "currency": "CNY"}
            body = {"record_type": "balance_change", **money, "operation": kind, "delta": balance - before, "balance_after": balance, **reason}
        elif kind == "drop":
            party = {"direction": "mo", "other_party": f"t:{dice.randrange(9)}", "other_class": "onnet", "roaming": False, "cell_id": f"x-{dice.randrange(9)}"}
            body = {"record_type": "voice_usage", **party, "start_time": at - 60_000, "answer_time": at - 60_000, "duration_s": 60, "outcome": "dropped"}
        else:
            size = dice.choice((10**6, 10**9, 3 * 10**9))
            volume = {"uplink_bytes": 0, "downlink_bytes": size, "total_bytes": size, "rat": dice.choice(("4G", "5G")), "roaming": False, "app_category": "video"}
            body = {"record_type": "data_usage", "session_id": f"s{number}", "start_time": at - 1000, "duration_s": 1, **volume}
        ids = {"customer_id": f"C{customer}", "account_id": f"A{customer}", "subscription_id": f"S{line}"}
        own.append({"record_id": f"{line}-{number}", "schema_version": 1, "source_system": "found", "event_time": at, **ids, **body})
    return own


def arrived(lines: list[list[dict[str, Any]]], jitter_ms: int, dice: random.Random, *, swapped: bool) -> list[dict[str, Any]]:
    """The records of all lines in the order in which they arrive."""
    order = []
    for own in lines:
        latest = 0
        for record in own:
            delayed = record["event_time"] + dice.randrange(jitter_ms + 1)
            latest = delayed if swapped else max(latest, delayed)
            order.append((latest, len(order), record))
    return [record for *_, record in sorted(order, key=lambda one: one[:2])]


def detected(records: list[dict[str, Any]], wait_ms: int = 0) -> set[tuple[str, ...]]:
    """The events of a replay: id, key, time and content."""
    waits = dict.fromkeys(TOPICS, wait_ms) if wait_ms else {}
    shard = Shard(0, Engine(CATALOGUE, Reference.load(None), EngineSettings()), ShardSettings(queue_records=10**9, keep_state=False, waits=waits))
    for topic in TOPICS:
        own = [record for record in records if TOPIC_OF[record["record_type"]] == topic]
        keys: list[bytes | None] = [record["customer_id"].encode() for record in own]
        shard.feed(topic, range(len(own)), keys, [orjson.dumps(record) for record in own], next_offset=len(own), caught_up=True)
    found = []
    while (step := shard.step(None, 20_000)) is not None:
        found += step.detections
    found += shard.advance(START_MS + 60 * DAY_MS).detections
    return {(one.event, one.key, str(one.time), one.who.record_id, orjson.dumps(one.detail).decode()) for one in found}


def rows() -> list[str]:
    """The rows of the table."""
    table = []
    for per in A_LINE:
        dice = random.Random(per)
        lines = [records_of(line, line // per, dice) for line in range(LINES)]
        wanted = detected(sorted((record for own in lines for record in own), key=lambda record: record["event_time"]))
        for seconds in JITTERS_S:
            cells = []
            for swapped, wait in ((False, 0), (True, 0), (True, seconds * 1000)):
                got = detected(arrived(lines, seconds * 1000, random.Random(seconds), swapped=swapped), wait)
                cells.append(f"{len(wanted & got)} ({len(got - wanted)})")
            table.append(f"| {per} | {seconds} s | {len(wanted)} | {' | '.join(cells)} |")
            print(table[-1], file=sys.stderr, flush=True)
    return table


def page(table: list[str]) -> str:
    """docs/found-events.md."""
    return "\n".join(
        [
            "# Events found where records arrive out of order",
            "",
            f"{LINES} lines, about {120 * LINES:,} records, the {len(CATALOGUE)} built-in events; written by `python -m tests.speed.found`. *Wanted*: the events of the same records in the order of",
            "their time. The other columns: how many of those were found, and in brackets how many others came in their place. Lateness is local to a state (`docs/semantics.md` §1.2), so",
            "lines that keep their own order miss nothing, however many a customer has. Where the records of one line are swapped, `wait.<topic>` at the jitter restores all.",
            "",
            "| lines a customer | jitter | wanted | each line in its own order | a line's own records swapped | swapped, with `wait` at the jitter |",
            "| ---: | ---: | ---: | ---: | ---: | ---: |",
            *table,
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(rows()), "utf-8")
