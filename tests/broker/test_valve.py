"""On a real broker: what a valve holds back is, id by id, what it holds back in a replay, even if the worker is killed."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from random import Random

import pytest

from streams.builder import shard_builder
from streams.emit import MISSED
from streams.settings import load
from streams.tools.replay import Replay
from tests.broker.kafka import read_all
from tests.broker.workers import OUTPUTS, PARTITIONS
from tests.streams.records import good

pytestmark = pytest.mark.broker
MIDNIGHT_MS = 1_777_564_800_000
HOUR_MS = 3_600_000


def flood():
    """Thirty days of 400 customers, new ones each day; each falls under the mark once a day, and recovers."""
    chance = Random(3)
    for day in range(30):
        for number in chance.sample(range(60 + day * 12), 50 + day * 10):
            who = {"customer_id": f"C{number}", "account_id": f"A{number}", "subscription_id": f"S{number}", "bucket_id": f"B{number}"}
            at = MIDNIGHT_MS + day * 24 * HOUR_MS + chance.randrange(20 * HOUR_MS)
            yield good("balance_change", **who, record_id=f"c{day}-{number}", event_time=at, delta=-600, balance_after=900, operation="charge")
            yield good("balance_change", **who, record_id=f"t{day}-{number}", event_time=at + HOUR_MS, delta=3000, balance_after=3900, operation="topup")


def test_killed_twice_the_same_events_are_published_and_held_as_in_a_replay(cluster, tmp_path):
    records = sorted(flood(), key=lambda record: record["event_time"])
    config = tmp_path / "kairos.toml"
    config.write_text(
        'batch_records = 400\nbatch_wait_ms = 0\nonly = ["balance.low", "balance.recovered", "topup.completed"]\n[valve]\nothers = "3x"\n"balance.low" = "300 per 1,000 customers a day"\n'
    )
    (tmp_path / "all.jsonl").write_bytes(b"\n".join(json.dumps(record).encode() for record in records))
    build, _ = shard_builder(load({"clock": "records"}, str(config), {}), keep_state=False)
    expected: dict[str, str] = {}
    for step in Replay(build, PARTITIONS).run([str(tmp_path / "all.jsonl")]):
        expected |= {json.loads(message.value)["id"]: message.topic for message in (*step.events, *step.missed) if message.value is not None}
    held = Counter(expected.values())[MISSED]
    assert len(expected) - 1000 > held > 1000

    cluster.produce(("raw.billing", None, record["customer_id"].encode(), json.dumps(record).encode()) for record in records)
    kills = 0
    for _ in range(2):
        worker = cluster.start("--config", str(config), "--instance", "one")
        cluster.wait_begun()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += asyncio.run(cluster.lag()) > 0
    last = cluster.start("--config", str(config), "--instance", "one")
    cluster.wait_worked_off()
    metrics = cluster.ask(len(cluster.workers) - 1, "/metrics")
    assert last.poll() is None
    assert kills >= 1, "the worker was never killed with backlog left"
    published = asyncio.run(read_all(cluster.bootstrap, [*OUTPUTS, MISSED]))
    assert Counter(json.loads(message.value)["id"] for message in published) == Counter(expected.keys())
    assert {json.loads(message.value)["id"]: message.topic for message in published} == expected
    assert {dict(message.headers).get("reason") for message in published if message.topic == MISSED} == {b"valve"}
    assert 'kairos_events_valved_total{event="balance.low"}' in metrics
    assert 'kairos_expected_rate{bound="high",event="topup.completed"} 0.17' in metrics
    assert cluster.logs().count("a valve holds events back") <= 3 * len(cluster.workers)
    assert '"event":"balance.low"' in cluster.logs().replace(": ", ":")
