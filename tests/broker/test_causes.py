"""On a real broker: when a worker ends, one sentence names the cause, without a traceback."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from streams.cli.demo import free_port
from tests.broker.kafka import BrokerMissing, KafkaBroker
from tests.broker.test_outage import answer, charge, wait_for
from tests.broker.workers import Cluster

pytestmark = pytest.mark.broker


def reasons(cluster):
    return " | ".join(json.loads(line).get("reason", "") for line in cluster.logs().splitlines() if line.startswith("{"))


def ended_with(cluster, worker, code, *words):
    assert worker.wait(60) == code, cluster.logs()[-3000:]
    assert "Traceback" not in cluster.logs()
    for word in words:
        assert word in cluster.logs(), cluster.logs()[-3000:]


def ready(cluster, *arguments, **options):
    port = free_port()
    worker = cluster.start("--metrics-port", str(port), *arguments, **options)
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready")
    return worker, port


def while_a_stranger_is_in(cluster, assignor, topics, holds, seconds=60):
    async def join():
        consumer = AIOKafkaConsumer(*topics, bootstrap_servers=cluster.bootstrap, group_id=cluster.app, partition_assignment_strategy=(assignor,), enable_auto_commit=False)
        starting = asyncio.create_task(consumer.start())
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not holds():
                await asyncio.sleep(0.1)
        finally:
            starting.cancel()
            await consumer.stop()

    asyncio.run(join())


def test_a_stranger_in_the_group_is_named(cluster):
    worker, _ = ready(cluster)
    while_a_stranger_is_in(cluster, RangePartitionAssignor, ["raw.usage"], lambda: worker.poll() is not None)
    ended_with(cluster, worker, 70, f"another consumer is in the group {cluster.app}", "raw.usage")
    assert "partition counts changed" not in cluster.logs()


def test_a_stranger_with_another_protocol_is_named_when_it_came_first(cluster):
    outcome = []

    def after_the_worker():
        if not outcome:
            outcome.append(cluster.start())
        return outcome[0].poll() is not None

    while_a_stranger_is_in(cluster, RoundRobinPartitionAssignor, ["raw.usage"], after_the_worker)
    ended_with(cluster, outcome[0], 70, f"another consumer is in the group {cluster.app}")


def test_a_deleted_raw_topic_is_named(cluster):
    worker, _ = ready(cluster)

    async def delete():
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        await admin.delete_topics(["raw.service"])
        await admin.close()

    asyncio.run(delete())
    ended_with(cluster, worker, 70, "raw.service is missing", "create it")
    assert "partition counts changed" not in cluster.logs()


def test_one_instance_id_used_twice_is_named(cluster):
    """They take the place from each other; the one that has lost it three times ends, usually the older."""
    first, _ = ready(cluster, "--instance", "w1")
    second = cluster.start("--instance", "w1")
    wait_for(lambda: cluster.logs().count('"worker starts"') == 2, 120, "the second starts")
    wait_for(lambda: (first.poll(), second.poll()) != (None, None), 60, "one of them ends")
    ended, other = (first, second) if second.poll() is None else (second, first)
    assert other.poll() is None, "both ended"
    ended_with(cluster, ended, 70, "another worker runs with instance = w1")


def test_a_metrics_port_in_use_is_reported_in_one_line(cluster):
    _, port = ready(cluster)
    ended_with(cluster, cluster.start("--metrics-port", str(port)), 2, "metrics_port: wanted a free port")
    ended_with(cluster, cluster.start("--metrics-port", "99999"), 2, "metrics_port: wanted a whole number from 0 to 65_535")


def test_a_broker_with_too_short_a_transaction_timeout_is_reported_with_its_setting(tmp_path):
    broker = KafkaBroker(tmp_path / "broker", config={"transaction.max.timeout.ms": "20000"})
    try:
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    cluster = Cluster(broker.bootstrap, tmp_path)
    try:
        cluster.fresh_topics()
        cluster.produce([charge(0)])
        ended_with(cluster, cluster.start(), 70, "transaction.max.timeout.ms: the broker takes less than the 30000 ms")
    finally:
        cluster.end()
        broker.kill()
