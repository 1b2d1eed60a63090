"""Real input through a real broker and the worker: what is detected is what a plain count finds."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

import pytest

from schemas.raw import RECORD_TYPES, type_name
from tests.broker.workers import Cluster
from tests.real_input.adapters import everything
from tests.real_input.counts import COUNTS

pytestmark = [pytest.mark.broker, pytest.mark.shared]
TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}


def named(event):
    data = event["data"]
    if data["trigger"] is None:
        return data["customer_id"], round(datetime.fromisoformat(event["time"]).timestamp() * 1000)
    return data["customer_id"], data["trigger"]["source_system"] + data["trigger"]["record_id"]


@pytest.fixture
def cluster(kafka, tmp_path):
    running = Cluster(kafka, tmp_path, partitions=1)
    running.fresh_topics()
    yield running
    running.end()


def test_real_input_becomes_exactly_the_events_of_a_plain_count(cluster, shared, monkeypatch):
    monkeypatch.setenv("KAIROS_ZONE", "UTC")
    records = everything(shared)
    assert len(records) > 60_000
    cluster.produce((TOPIC_OF[r["record_type"]], 0, r["customer_id"].encode(), json.dumps(r).encode()) for r in records)
    cluster.start("--set", "balance.low.low=10000", "--set", "balance.low.rearm=20000")
    cluster.wait_worked_off()
    assert cluster.dead_letters() == []
    events = cluster.events()
    for event_id, count in COUNTS.items():
        found = Counter(named(event) for event in events if event["data"]["event"] == event_id)
        expected = Counter(count(records))
        assert found == expected, event_id
        assert expected.total() > 0, event_id
        print(f"{event_id}: {expected.total()} detections, as counted")
