"""Topics that wait for stragglers: workers are killed while records wait, and what was done out of order is neither lost nor done again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time

import msgspec
import pytest

from events.stories import charge, session, topup
from schemas.raw import TOPICS
from streams.engine.state.store import HEAD_KEY, Head
from streams.simulation.city import City
from tests.broker.kafka import read_all
from tests.faults.harness import MIDNIGHT_MS, waited

pytestmark = pytest.mark.broker
SEED = int(os.environ.get("SEED", "1"))
WAIT_MS = 6_000
BEGIN_MS = MIDNIGHT_MS + 40_000_000
CUSTOMERS, RECORDS = 24, 90


def jittered(seed):
    """Balances that go up and down, and sessions, of each customer every second or two; each record is sent up to six seconds after its time.

    Some have one time, and say their order by `seq`; some are broken.
    """
    dice, sent = random.Random(seed), []
    for customer in range(CUSTOMERS):
        who = {"customer_id": f"C{customer}", "account_id": f"A{customer}", "subscription_id": f"S{customer}"}
        at, seq, balance = BEGIN_MS + dice.randrange(1000), 0, 1500
        for number in range(RECORDS):
            seq = seq + 1 if dice.random() < 0.2 else 0
            at += 0 if seq else dice.randrange(500, 2000)
            own = {**who, "event_time": at, "seq": seq, "record_id": f"{customer}-{number}"}
            after = balance + dice.choice((-1200, -700, -300, 900, 2500))
            if dice.random() < 0.3:
                topic, made = "raw.usage", session(total_bytes=dice.randrange(10**9), start_time=at, **own)
            else:
                topic, made = "raw.billing", topup(balance, after, **own) if after > balance else charge(balance, max(0, after), **own)
                balance = max(0, after)
            due = at + dice.randrange(WAIT_MS)
            sent.append((due, topic, who["customer_id"].encode(), json.dumps(made).encode()))
            if dice.random() < 0.01:
                sent.append((due, topic, who["customer_id"].encode(), b"{"))
    return [(topic, None, key, value) for _, topic, key, value in sorted(sent, key=lambda one: one[0])]


def ahead(run):
    """How many head rows say that something is done above the next offset."""
    heads = [record.value for record in asyncio.run(read_all(run.cluster.bootstrap, [f"{run.cluster.app}.state"])) if record.key == HEAD_KEY]
    return sum(any(one.done for one in (msgspec.json.decode(head, type=Head).passed or {}).values()) for head in heads)


def all_waiting(run, seconds=60):
    """Wait until all that is not committed waits for stragglers; how much that is, by topic and partition."""
    deadline = time.monotonic() + seconds
    while True:
        lags, waiting = run.cluster.lags(), run.cluster.values("kairos_waiting_records")
        if len(lags) == len(TOPICS) * run.cluster.partitions and sum(lags.values()) and lags == waiting:
            return lags
        assert time.monotonic() < deadline, f"lag {lags}, waiting {waiting}"
        time.sleep(0.05)


MORE = ("before_commit:4", "restore_read:2", "after_offsets:3", "after_send:4", "after_commit:4")


@pytest.mark.parametrize("points", [(), pytest.param(MORE, marks=pytest.mark.fault_full)])
def test_kill_9_while_records_wait_loses_and_repeats_nothing(trial, tmp_path, points):
    records, half = jittered(SEED), CUSTOMERS * RECORDS // 2
    City(SEED, CUSTOMERS, MIDNIGHT_MS).write_reference(tmp_path / "reference")
    waits = {"wait_usage": f"{WAIT_MS}ms", "wait_billing": f"{WAIT_MS}ms"}
    run = trial(46, "kill -9 while records wait for stragglers", records=(records[:half], ["--reference", str(tmp_path / "reference")]), waits=waits)
    run.environment["KAIROS_BATCH_RECORDS"] = "40"
    worker = run.start("--instance", "w1")
    waited(lambda: ahead(run) > 0, 60)
    run.kill(worker, signal.SIGKILL)
    run.strike()
    for point in points:
        assert run.wait_dead(run.start("--instance", "w1", fault=point)) == -signal.SIGKILL
        run.strike()
    worker = run.start("--instance", "w1")
    lags = all_waiting(run)
    run.kill(worker, signal.SIGKILL)
    assert lags == run.lags_of_broker()
    run.strike()
    run.cluster.produce(records[half:])
    run.start("--instance", "w1")
    run.finish()
    run.check()
