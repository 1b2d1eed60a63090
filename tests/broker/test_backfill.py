"""On a real broker: a rule that is filled before it goes live publishes what it would have, had it been installed all along."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter

import pytest

from streams.builder import shard_builder
from streams.emit import MISSED
from streams.kafka.backfill import refuse_members
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import TopicFault
from streams.settings import load
from streams.simulation.city import City
from streams.tools.replay import Replay
from tests.broker import warm
from tests.broker.kafka import read_all
from tests.broker.warm import KAIROS
from tests.broker.workers import PARTITIONS, PROJECT, replayed
from tests.streams.records import good

pytestmark = pytest.mark.broker
MIDNIGHT_MS = 1_777_564_800_000
NOON_MS = MIDNIGHT_MS + 12 * 3_600_000
DAYS, BEFORE = 12, 9
NEW = ("web.session_closed", "topup.missing_after_depletion", "voice.missed_calls", "data.heavy_day", "spend.day_step")
WITHOUT = [word for event in NEW for word in ("--without", event)]
"""Rules of many kinds that come later."""


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The folder with records of days before and after, as files, and the reference data."""
    folder = tmp_path_factory.mktemp("city")
    town = City(7, 80, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    days = [town.day(number) for number in range(DAYS)]
    parts = {"before": days[:BEFORE], "after": days[BEFORE:], "all": days, "overlapping": days[: BEFORE + 1]}
    for name, own in parts.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(raw.value + b"\n" for day in own for raw in day))
    return folder, {name: [(raw.topic, None, raw.key, raw.value) for day in own for raw in day] for name, own in parts.items()}


def backfill(cluster, folder, *arguments, fault=""):
    command = [*KAIROS, "backfill", *arguments]
    command += ["--brokers", cluster.bootstrap, "--app", cluster.app, "--reference", str(folder / "reference")]
    environment = {**os.environ, "KAIROS_BATCH_RECORDS": "40", "KAIROS_CLOCK": "records", "FAULT": fault}
    return warm.run(command, timeout=120, cwd=PROJECT, env=environment)


def run(cluster, folder, *arguments):
    cluster.start("--reference", str(folder / "reference"), *arguments)
    cluster.wait_worked_off()
    worker = cluster.workers[-1]
    worker.terminate()
    assert worker.wait(20) == 0


def wait_without_members(cluster, seconds=20):
    """A worker that failed is a member of the group until its session ends."""
    settings, end = load({"brokers": cluster.bootstrap, "app": cluster.app}, environ={}), time.monotonic() + seconds
    while True:
        try:
            return asyncio.run(refuse_members(settings))
        except TopicFault:
            assert time.monotonic() < end, f"there are members after {seconds} s"
            time.sleep(0.2)


def in_all(folder):
    """The ids that all rules give for all records, but for those of the new rules in the days before."""
    whole, before = replayed(folder / "all.jsonl", folder / "reference"), replayed(folder / "before.jsonl", folder / "reference")
    return whole, before


def events_of(path, folder):
    """The events that a replay of a file gives."""
    build, _ = shard_builder(load({"clock": "records", "reference": str(folder / "reference")}, environ={}))
    return [json.loads(message.value) for step in Replay(build, PARTITIONS).run([str(path)]) for message in step.events]


def missed_of(cluster):
    return [json.loads(record.value) for record in asyncio.run(read_all(cluster.bootstrap, [MISSED]))]


def test_killed_and_begun_again_it_publishes_what_it_would_have_all_along(cluster, city):
    folder, records = city
    cluster.produce(records["before"])
    worker = cluster.start("--reference", str(folder / "reference"), *WITHOUT)
    cluster.wait_worked_off()
    refused = backfill(cluster, folder)
    assert refused.returncode == 2
    assert "wanted a group without members, got 1" in refused.stderr
    worker.terminate()
    assert worker.wait(20) == 0
    published = cluster.ids()
    killed = backfill(cluster, folder, "--missed", fault="before_commit:5")
    assert killed.returncode == -9, killed.stderr
    blocked = cluster.start("--reference", str(folder / "reference"))
    assert blocked.wait(30) != 0
    assert "'kairos backfill' was stopped while it wrote" in cluster.logs()
    wait_without_members(cluster)
    done = backfill(cluster, folder, "--missed")
    assert done.returncode == 0, done.stderr
    assert "complete: " in done.stdout.splitlines()[-1]
    assert "since the very first record" in done.stdout.splitlines()[-1]
    assert cluster.ids() == published, "nothing was published but to missed"
    whole, before = in_all(folder)
    missed = missed_of(cluster)
    expected = Counter(event["id"] for event in events_of(folder / "before.jsonl", folder) if event["data"]["event"] in NEW)
    assert Counter(event["id"] for event in missed) == expected, "each once, although it was killed"
    assert not expected & published
    assert {event["data"]["event"] for event in missed} >= {"web.session_closed", "data.heavy_day"}
    again = backfill(cluster, folder)
    assert "nothing to fill" in again.stdout
    cluster.produce(records["after"])
    run(cluster, folder)
    assert cluster.ids() == whole - (before - published)
    assert whole - before, "the days after have events"


def test_history_from_files_goes_before_what_the_topics_hold_and_nothing_counts_twice(cluster, city):
    """A first start: the topics hold the last days only, the file ends within them."""
    folder, records = city
    cluster.app = "app-first"
    cluster.produce(records["after"])
    done = backfill(cluster, folder, "--from", str(folder / "overlapping.jsonl"))
    assert done.returncode == 0, done.stderr
    assert f"{len(records['before']):,} records replayed" in done.stdout
    assert f"{len(records['overlapping']) - len(records['before']):,} left to the live run" in done.stdout
    run(cluster, folder)
    whole, before = in_all(folder)
    assert cluster.ids() == whole - before


def test_a_lost_state_is_rebuilt_up_to_the_offsets_of_the_group(cluster, city):
    folder, records = city
    cluster.produce(records["before"])
    run(cluster, folder)
    asyncio.run(delete_topic(cluster.bootstrap, f"{cluster.app}.state"))
    lost = backfill(cluster, folder)
    assert lost.returncode == 2
    done = backfill(cluster, folder, "--all")
    assert done.returncode == 0, done.stderr
    assert f"{len(records['before']):,} records replayed" in done.stdout
    cluster.produce(records["after"])
    run(cluster, folder)
    assert cluster.ids() == in_all(folder)[0]


async def delete_topic(bootstrap, name):
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name])
        while name in await admin.list_topics():
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


def test_where_retention_has_deleted_the_beginning_of_a_topic_the_report_says_so(cluster, city):
    folder, _ = city
    calls = [good("voice_usage", record_id=f"v{n}", outcome="no_answer", direction="mt", duration_s=0, answer_time=..., event_time=NOON_MS + n * 60_000) for n in range(20)]
    cluster.produce([("raw.usage", None, b"C1", json.dumps(call).encode()) for call in calls])
    run(cluster, folder, "--without", "voice.missed_calls")
    asyncio.run(delete_records(cluster.bootstrap, "raw.usage", partition_of(b"C1", PARTITIONS), 12))
    done = backfill(cluster, folder)
    assert done.returncode == 0, done.stderr
    assert "8 records replayed" in done.stdout
    begin = "2026-05-01T04:12:00.000Z"
    assert f"voice.missed_calls: reaches back to {begin}: complete from 2026-05-02T04:12:00.000Z of the shard's clock" in done.stdout, "it cools for a day"
    assert f"raw.usage: the history begins at {begin}, later than was asked for" in done.stdout
    assert f"complete: 0 of 1 rules; what they read is known since {begin}" in done.stdout.splitlines()[-1]


async def delete_records(bootstrap, topic, partition, before):
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin.records_to_delete import RecordsToDelete

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})
    finally:
        await admin.close()
