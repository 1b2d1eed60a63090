"""On a real broker: a backup goes back over what is there, beside it, or nowhere, as was asked; what was published after it comes again with the same ids."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.raw import TOPICS
from streams.engine.state.codec import split_key
from streams.engine.state.store import ABOUT
from tests.broker.growing import blocked, city_of, expected, kairos, killed, run, sent
from tests.broker.kafka import create_topics, read_all
from tests.broker.test_backfill import delete_topic
from tests.broker.workers import PARTITIONS

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return city_of(tmp_path_factory.mktemp("city"))


def state(cluster, app):
    """What an application has: live rows by shard, and the group's offsets with their metadata."""
    rows = {(record.partition, record.key): record.value for record in asyncio.run(read_all(cluster.bootstrap, [f"{app}.state"]))}
    return {place: value for place, value in rows.items() if value is not None}, asyncio.run(offsets(cluster.bootstrap, app))


def of_customers(rows):
    """The rows of customers alone: which texts are stored beside them depends on where steps are cut."""
    return {place: value for place, value in rows.items() if split_key(place[1])[0] not in ABOUT}


async def offsets(bootstrap, group):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return dict(await admin.list_consumer_group_offsets(group))
    finally:
        await admin.close()


@pytest.mark.timeout(900)
def test_a_backup_goes_over_what_is_there_only_when_asked_and_the_events_behind_it_come_again_with_the_same_ids(cluster, city, tmp_path):
    folder, before, after = city
    reference, saved = folder / "reference", str(tmp_path / "backup")
    cluster.produce(sent(before))
    run(cluster, reference)
    first = cluster.ids()
    assert "rows of 4 shards" in kairos(cluster, "backup", "--to", saved)
    at_backup = state(cluster, cluster.app)

    worker = cluster.start("--reference", str(reference))
    cluster.produce(sent(after))
    cluster.wait_worked_off()
    for command in (("backup", "--to", str(tmp_path / "live")), ("restore", "--from", saved, "--replace")):
        assert "stop" in kairos(cluster, *command), "while a worker runs"
    worker.terminate()
    assert worker.wait(20) == 0
    whole = cluster.ids()
    assert whole == Counter(event["id"] for event in expected(folder / "all.jsonl", reference))
    assert (whole - first).total() > 50

    there = state(cluster, cluster.app)
    assert "holds state already: give --replace to write the backup over it, or --app for another application" in kairos(cluster, "restore", "--from", saved)
    assert state(cluster, cluster.app) == there, "nothing was written"

    killed(cluster, "restore", "--from", saved, "--replace", fault="before_commit:9")
    blocked(cluster, reference, "'kairos restore' was stopped while it wrote it: run it again before anything else")
    assert "rows of 4 shards from the backup of" in kairos(cluster, "restore", "--from", saved, "--replace")
    rows, group = state(cluster, cluster.app)
    assert rows == at_backup[0], "the rows that came after the backup are gone, those that went are there again"
    assert {place: at.offset for place, at in group.items()} == {place: at.offset for place, at in at_backup[1].items()}
    run(cluster, reference)
    assert cluster.ids() == whole + (whole - first), "what was published after the backup, again, with the same ids"
    assert of_customers(state(cluster, cluster.app)[0]) == of_customers(there[0])


@pytest.mark.timeout(900)
def test_a_backup_goes_to_another_application_beside_the_first_which_does_not_notice(cluster, city, tmp_path):
    folder, before, after = city
    reference, saved, drill = folder / "reference", str(tmp_path / "backup"), f"{cluster.app}-drill"
    cluster.produce(sent(before))
    run(cluster, reference)
    first = cluster.ids()
    kairos(cluster, "settings", "off", "voice.missed_calls", "--why", "tried")
    kairos(cluster, "settings", "on", "voice.missed_calls", "--why", "and back")
    kairos(cluster, "backup", "--to", saved)
    cluster.produce(sent(after))
    run(cluster, reference)
    whole, there = cluster.ids(), state(cluster, cluster.app)

    assert f"{drill}: " in kairos(cluster, "restore", "--from", saved, "--app", drill)
    assert "and back" in kairos(cluster, "settings", "history", "--app", drill)
    assert state(cluster, cluster.app) == there
    own, cluster.app = cluster.app, drill
    run(cluster, reference)
    assert cluster.ids() == whole + (whole - first), "the drill publishes what came after the backup"
    cluster.app = own
    assert state(cluster, own) == there
    worker = cluster.start("--reference", str(reference))
    cluster.wait_ready(worker)
    worker.terminate()
    assert worker.wait(20) == 0
    assert cluster.ids() == whole + (whole - first), "the first one starts, and has nothing to do"


def test_offsets_without_state_and_other_partitions_are_refused(cluster, city, tmp_path):
    folder, before, _ = city
    saved = str(tmp_path / "backup")
    cluster.produce(sent(before[:500]))
    run(cluster, folder / "reference")
    kairos(cluster, "backup", "--to", saved)
    asyncio.run(delete_topic(cluster.bootstrap, f"{cluster.app}.state"))
    assert f"the group {cluster.app} has read records already: give --replace" in kairos(cluster, "restore", "--from", saved)
    assert "rows of 4 shards from the backup" in kairos(cluster, "restore", "--from", saved, "--replace")
    asyncio.run(create_topics(cluster.bootstrap, {f"{cluster.app}-odd.state": 3}))
    assert "wanted 4 partitions, as the backup has, got 3" in kairos(cluster, "restore", "--from", saved, "--app", f"{cluster.app}-odd")
    assert "8 partitions" in kairos(cluster, "repartition", "--to", str(2 * PARTITIONS))
    refused = kairos(cluster, "restore", "--from", saved, "--replace")
    assert all(f"{topic} has 8" in refused for topic in TOPICS)
    assert "wanted 4 of each raw topic, as the backup has" in refused
    assert TopicPartition(TOPICS[0], 7) in asyncio.run(offsets(cluster.bootstrap, cluster.app)), "what was there is untouched"
