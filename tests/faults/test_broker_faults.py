"""Faults of the broker and the network: stopped, cut off, slow, replies lost, topics changed while the worker runs."""

from __future__ import annotations

import asyncio
import signal
import time
import urllib.request
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.structs import TopicPartition

from schemas.raw import TOPICS
from streams.cli.demo import free_port
from tests.broker.kafka import KafkaBroker, alter_topic, create_topics, lasting_port
from tests.faults.harness import waited
from tests.faults.proxy import END_TXN, Proxy

pytestmark = pytest.mark.broker
full = pytest.mark.fault_full


def with_admin(bootstrap, work):
    async def run():
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            return await work(admin)
        finally:
            await admin.close()

    return asyncio.run(run())


@full
def test_the_broker_is_restarted(trial, own_broker):
    broker = own_broker()
    run = trial(7, "broker stopped and started again", bootstrap=broker.bootstrap)
    worker = run.start()
    run.wait_progress()
    broker.stop()
    run.strike()
    time.sleep(5)
    broker.start()
    run.finish()
    run.check()
    assert worker.returncode == 0, "it resumes alone"


@full
def test_the_broker_is_killed_in_the_middle_of_a_transaction(trial, own_broker):
    broker = own_broker()
    run = trial(8, "broker killed in the middle of transactions", bootstrap=broker.bootstrap)
    run.start()
    for _ in range(3):
        run.wait_progress()
        broker.kill()
        run.strike()
        broker.start()
    run.finish()
    run.check()


@full
def test_of_three_brokers_each_is_killed_once(trial, tmp_path):
    voters = [lasting_port() for _ in range(3)]
    config = {"default.replication.factor": "3", "min.insync.replicas": "2"}
    brokers = [KafkaBroker(tmp_path / f"node-{node}", node=node, voters=voters, config=config) for node in (1, 2, 3)]
    try:
        for broker in brokers:
            broker.start()
        for broker in brokers:
            broker.wait_ready()
        time.sleep(5)
        bootstrap = ",".join(broker.bootstrap for broker in brokers)
        run = trial(9, "of three brokers (RF 3, min.isr 2) each killed once", bootstrap=bootstrap)
        run.start()
        for broker in brokers:
            run.wait_progress()
            broker.kill()
            run.strike()
            run.wait_progress(90)
            broker.start()
            broker.wait_ready()
            time.sleep(5)
        run.finish()
        run.check()
    finally:
        for broker in brokers:
            broker.kill()


@full
def test_the_broker_is_frozen_for_five_minutes(trial, own_broker):
    broker = own_broker()
    run = trial(10, "broker frozen for 5 minutes", bootstrap=broker.bootstrap)
    run.environment["KAIROS_STALL_S"] = "120"
    worker = run.start()
    run.wait_progress()
    broker.process.send_signal(signal.SIGSTOP)
    run.strike()
    before = memory_mb(worker)
    time.sleep(300)
    assert memory_mb(worker) < before + 200
    broker.process.send_signal(signal.SIGCONT)
    run.finish(180)
    run.check()


def memory_mb(worker):
    with Path(f"/proc/{worker.pid}/status").open() as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


@pytest.fixture
def proxied(own_broker, trial):
    """A trial whose worker reaches its broker through a proxy."""
    proxy = Proxy()

    def begin(number, fault, **config):
        broker = own_broker(proxied=proxy.port, config=config)
        proxy.target = broker.listeners["PROXIED"][0]
        run = trial(number, fault, bootstrap=broker.bootstrap)
        run.brokers = f"127.0.0.1:{proxy.port}"
        return run, proxy

    yield begin
    proxy.close()


@full
def test_connections_are_cut_delayed_and_half_open(proxied):
    run, proxy = proxied(11, "connections cut, delayed by 500 ms, half open for 12 s")
    run.start()
    run.wait_progress()
    for _ in range(3):
        proxy.cut()
        time.sleep(1)
        assert proxy.cuts
        run.strike()
    proxy.delay_s = 0.5
    time.sleep(6)
    proxy.delay_s = 0
    assert proxy.held
    run.strike()
    proxy.silent = True
    time.sleep(12)
    proxy.silent = False
    run.strike()
    run.finish()
    run.check()


@full
def test_the_reply_of_the_end_of_a_transaction_is_lost(proxied):
    run, proxy = proxied(12, "reply of EndTxn lost")
    run.start()
    for _ in range(2):
        run.wait_progress()
        proxy.drop_replies_to = END_TXN
        deadline = time.monotonic() + 20
        while proxy.drop_replies_to is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        proxy.cut()
    run.hits = proxy.dropped
    run.struck_at = (time.monotonic(), sum(run.highest.values()))
    run.finish(180)
    run.check()


def test_an_end_comes_late_in_the_middle_of_the_next_transaction(proxied):
    run, proxy = proxied(34, "EndTxn held back until the middle of the next transaction", **{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "600000"})
    run.environment |= {"KAIROS_TRANSACTION_TIMEOUT_MS": "5000", "KAIROS_BATCH_RECORDS": "60"}  # so that many transactions are left
    run.start()
    run.wait_progress()
    proxy.hold_an_end = True
    deadline = time.monotonic() + 60
    while not proxy.late and time.monotonic() < deadline:
        time.sleep(0.05)
    assert proxy.late, run.cluster.logs()[-2000:]
    run.strike()
    run.finish(180)
    run.check()


def test_members_join_and_leave_while_the_markers_of_the_last_commit_are_late(proxied):
    """After a rebalance a shard that stays compares the group's offsets, which do not show its last commit before the markers are written."""
    run, proxy = proxied(35, "members join and leave, markers of transactions come 0.5 s late", **{"inter.broker.listener.name": "PROXIED"})
    run.environment["KAIROS_BATCH_RECORDS"] = "60"  # so that there is always a last commit
    stays = run.start()
    run.wait_progress()
    proxy.delay_markers_s = 0.5
    for number in (1, 2):
        leaves = run.start()
        waited(lambda number=number: "shard restored" in (run.folder / f"worker-{number}.log").read_text(), 60)
        run.strike()
        run.terminate(leaves)
        waited(lambda: len(run.cluster.lags()) == len(TOPICS) * run.cluster.partitions, 60)
    proxy.delay_markers_s = 0.0
    assert proxy.late_markers
    assert stays.poll() is None, run.cluster.logs()[-3000:]
    assert run.look(), "the input lasts beyond the rebalances"
    assert run.ended == [0, 0], "only those that were asked to end have ended"
    run.finish()
    run.check()


def test_a_state_row_larger_than_the_changelog_takes(trial):
    run = trial(13, "changelog record too large")
    name = f"{run.cluster.app}.state"

    def limit(size):
        asyncio.run(alter_topic(run.cluster.bootstrap, name, {"max.message.bytes": size, "cleanup.policy": "compact"}))

    limit("150")
    worker = run.start()
    assert run.wait_dead(worker) == 70
    run.strike()
    assert f"{name}: the broker refuses what must be written: a record is larger than the topic takes" in run.cluster.logs()
    assert all(offset <= 0 for offset in run.highest.values()), "nothing was committed"
    limit("16777216")
    run.start()
    run.finish()
    run.check()


def test_an_output_topic_is_deleted(trial):
    run = trial(14, "output topic deleted")
    run.environment["KAIROS_TRANSACTION_TIMEOUT_MS"] = "5000"
    worker = run.start()
    run.wait_progress()
    with_admin(run.cluster.bootstrap, lambda admin: admin.delete_topics(["customer-events.missed", "customer-events.dead-letter"]))
    deadline = time.monotonic() + 60
    while "transaction failed" not in run.cluster.logs() and time.monotonic() < deadline and worker.poll() is None:
        time.sleep(0.2)
    run.strike()
    asyncio.run(
        create_topics(run.cluster.bootstrap, {"customer-events.missed": 4, "customer-events.dead-letter": 4}, {"customer-events.dead-letter": {"max.message.bytes": "16777216"}})
    )
    run.finish(180)
    assert "transaction failed" in run.cluster.logs()
    run.check(letters=False)  # the dead letters of before went with the topic


def test_unread_input_is_deleted(trial):
    run = trial(30, "unread input deleted")
    worker = run.start()
    run.wait_progress()
    run.kill(worker, signal.SIGTERM)
    run.look()
    place = max((place for place in run.highest if place.topic == "raw.usage"), key=run.highest.get)
    upto = run.highest[place] + 50
    with_admin(run.cluster.bootstrap, lambda admin: admin.delete_records({TopicPartition(place.topic, place.partition): RecordsToDelete(before_offset=upto)}))
    worker = run.start()
    assert run.wait_dead(worker) == 70
    run.strike()
    assert f"{place.topic}[{place.partition}]: records {run.highest[place]} to {upto - 1} were deleted unread" in run.cluster.logs()
    run.report()


def test_a_topic_gets_more_partitions(trial):
    run = trial(31, "partition count raised")
    worker = run.start()
    run.wait_progress()
    with_admin(run.cluster.bootstrap, lambda admin: admin.create_partitions({"raw.usage": NewPartitions(total_count=6)}))
    assert run.wait_dead(worker, 90) == 70
    run.strike()
    assert "wanted 4 partitions, as every raw topic had at the start" in run.cluster.logs()
    again = run.start()
    assert run.wait_dead(again) == 2
    assert "partition counts must be equal" in run.cluster.logs()
    run.report()


@full
def test_the_changelog_is_compacted_and_ends_in_markers(trial, own_broker):
    broker = own_broker(config={"log.cleaner.backoff.ms": "200", "log.cleaner.min.cleanable.ratio": "0.01"})
    run = trial(29, "changelog compacted, markers at its end", bootstrap=broker.bootstrap)
    name = f"{run.cluster.app}.state"
    config = {"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100", "max.message.bytes": "16777216"}
    asyncio.run(alter_topic(broker.bootstrap, name, config))
    for _ in range(3):
        worker = run.start("--instance", "w1")
        run.wait_progress()
        time.sleep(2)
        run.kill(worker)
        time.sleep(3)
        run.strike()
    run.start("--instance", "w1")
    run.finish()
    run.check(compacted=True)
    cleaned = [line.split() for line in (broker.folder / "data" / "cleaner-offset-checkpoint").read_text().splitlines() if line.startswith(name)]
    assert any(int(offset) > 0 for _, _, offset in cleaned), "the broker has compacted"


@full
def test_a_foreign_transaction_is_open_in_the_input_and_another_is_aborted(trial):
    run = trial(33, "foreign transactions open and aborted in the input")

    async def hold():
        producer = AIOKafkaProducer(bootstrap_servers=run.cluster.bootstrap, transactional_id="foreign")
        await producer.start()
        await producer.begin_transaction()
        await (await producer.send("raw.billing", b"{", key=b"C1", partition=0))
        await producer.abort_transaction()
        await producer.begin_transaction()
        await (await producer.send("raw.billing", b"{", key=b"C1", partition=0))
        return producer

    loop = asyncio.new_event_loop()
    producer = loop.run_until_complete(hold())
    port = free_port()
    run.start("--metrics-port", str(port))
    run.wait_progress()
    deadline = time.monotonic() + 60
    readiness = ""
    while "raw.billing" not in readiness and time.monotonic() < deadline:
        time.sleep(0.5)
        readiness = urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read().decode()
    assert readiness == "ok, but shard 0: raw.billing: nothing can be read before another producer ends its open transaction\n"
    assert run.look(), "what is not committed is not read"
    run.strike()
    loop.run_until_complete(producer.commit_transaction())
    loop.run_until_complete(producer.stop())
    run.finish()
    run.check()
