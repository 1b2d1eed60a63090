"""History fed into a worker while it runs: the events are a replay's, even if the worker lags, pauses or restarts in between.

Chunks of at most a minute of event time, each acknowledged on all four topics before the next is sent. Within a chunk the order across topics is
the order of arrival: customers who have records of two topics in one chunk may differ, and are printed; they must be few.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.broker.kafka import read_all
from tests.broker.workers import OUTPUTS
from tests.faults.harness import city

pytestmark = pytest.mark.broker
SEED = int(os.environ.get("SEED", "1"))
INJECT = str(Path(__file__).parent / "inject")
CHUNK_MS = 60_000
STILL = '''"""No data session for four hours: silence that a topic which lags for a second or two would feign."""

from events.stories import moment, session
from events.words import sessions
from streams.define import Case, Detail, Event, day


class Still(Event, by="line"):
    when = sessions.silent("4h", given=sessions.within("14d").distinct(day) >= 1)
    detail = Detail(last_data_at=sessions.time)


CASES = [
    Case("four hours", [session("1 12:00")], [{"last_data_at": "2026-05-01T04:00:00.000Z"}], until=moment("1 16:00:05")),
    Case("not before", [session("1 12:00")], [], until=moment("1 16:00:04")),
]
'''


@pytest.fixture
def town(request, tmp_path):
    return city(tmp_path / "city", SEED, *request.param)


def time_of(record):
    return json.loads(record[3])["event_time"]


async def feed(run, records, dice, between):
    """Send the records chunk by chunk; `between` is called now and then, with a pause after it."""
    producer = AIOKafkaProducer(bootstrap_servers=run.cluster.bootstrap, linger_ms=0)
    await producer.start()
    chunks = 0
    try:
        for _, chunk in groupby(records, key=lambda record: time_of(record) // CHUNK_MS):
            await asyncio.gather(*[await producer.send(topic, value, key=key) for topic, _, key, value in chunk])
            chunks += 1
            if dice.random() < 0.003:
                between(chunks)
                await asyncio.sleep(dice.random() * 0.5)
    finally:
        await producer.stop()


def crossed(records):
    """The customers with records of two topics in one chunk."""
    topics = {}
    for record in records:
        topics.setdefault((record[2], time_of(record) // CHUNK_MS), set()).add(record[0])
    return {customer.decode() for (customer, _), own in topics.items() if len(own) > 1}


def check(run, records):
    """Hold the published events against the oracle's, customer by customer."""
    oracle = run.oracle()
    found = Counter(record.value for record in asyncio.run(read_all(run.cluster.bootstrap, OUTPUTS)))
    who = lambda body: json.loads(body)["data"]["customer_id"]
    differing = {who(body) for body in (oracle.events - found) | (found - oracle.events)}
    customers = {record[2].decode() for record in records}
    print(f"{found.total()} events, {len(customers)} customers; left out, for their records of two topics lie in one chunk: {sorted(differing & crossed(records))}")
    for body in sorted((oracle.events - found) + (found - oracle.events), key=who):
        print("missing" if oracle.events[body] > found[body] else "extra", body.decode()[:300])
    assert not differing - crossed(records)
    assert len(differing) <= len(customers) / 100
    assert max(Counter(json.loads(body)["id"] for body in found.elements()).values()) == 1
    assert not run.went_back
    assert oracle.events.total() > 50
    return run.report()


@pytest.mark.parametrize("town", [pytest.param((100, 3), id="short"), pytest.param((400, 20), id="long", marks=pytest.mark.fault_full)], indirect=True)
def test_history_fed_into_a_running_worker_gives_a_replays_events(trial, town, tmp_path):
    records, arguments = town
    mine = tmp_path / "mine" / "balance"
    mine.mkdir(parents=True)
    (mine / "still.py").write_text(STILL)
    dice = random.Random(SEED)
    run = trial(45, "history fed while the worker runs: pauses, one topic after the other lags, kill -9", records=([], arguments), definitions=str(mine.parent))
    run.environment |= {"PYTHONPATH": INJECT, "INJECT": "lag:1.5", "KAIROS_BATCH_RECORDS": "20000"}
    worker = [run.start("--instance", "w1")]
    run.wait_log("shard restored", run.cluster.partitions)
    killed = []

    def between(chunks):
        if not killed and chunks > 300:
            killed.append(chunks)
            run.kill(worker[0], signal.SIGKILL)
            run.strike()
            worker[0] = run.start("--instance", "w1")
            run.wait_log("shard restored", 2 * run.cluster.partitions)

    begun = time.monotonic()
    asyncio.run(feed(run, records, dice, between))
    print(f"{len(records)} records fed in {time.monotonic() - begun:.1f} s")
    assert killed
    run.finish()
    check(run, records)
