"""On a real broker: an application gets more partitions, killed on the way and begun again, and goes on as if it had always had them."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from schemas.raw import TOPICS
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import partitions_of
from tests.broker.growing import DAYS, MIDNIGHT_MS, blocked, city_of, expected, kairos, killed, run, sent
from tests.broker.kafka import create_topics, read_all
from tests.broker.workers import LARGE, PARTITIONS
from tests.streams.records import good

pytestmark = pytest.mark.broker
DAY_MS = 86_400_000
GROWN = 8


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The last record of each shard brings its clock to the same moment."""
    lasts = {partition_of(f"last-{number}".encode(), GROWN): f"last-{number}" for number in range(200)}
    assert len(lasts) == GROWN
    ends = [
        good("voice_usage", record_id=f"end-{name}", customer_id=name, subscription_id=f"L{name}", account_id=f"A{name}", event_time=MIDNIGHT_MS + (DAYS + 20) * DAY_MS)
        for name in lasts.values()
    ]
    return city_of(tmp_path_factory.mktemp("city"), [("raw.usage", end["customer_id"].encode(), orjson.dumps(end)) for end in ends])


def by_customer(events):
    streams = {}
    for event in events:
        streams.setdefault(event["partitionkey"], set()).add((event["time"], event["id"], event["type"]))
    return streams


@pytest.mark.timeout(900)
def test_killed_and_begun_again_it_grows_is_saved_lost_and_restored_and_every_customers_events_go_on(cluster, city, tmp_path):
    folder, before, after = city
    cluster.produce(sent(before))
    run(cluster, folder / "reference")
    assert "1  " in kairos(cluster, "settings", "off", "voice.missed_calls", "--why", "tried")
    assert "2  " in kairos(cluster, "settings", "on", "voice.missed_calls", "--why", "and back")
    grow, saved = ("repartition", "--to", str(GROWN)), str(tmp_path / "backup")
    assert "wanted more than the 4 partitions" in kairos(cluster, "repartition", "--to", "3")
    assert f"{cluster.app}-other.state is missing" in kairos(cluster, *grow, "--app", f"{cluster.app}-other")
    assert "state rows would move; nothing was written" in kairos(cluster, *grow, "--dry-run")
    for fault in ("before_commit:2", "after_commit:9", "before_the_heads"):
        killed(cluster, *grow, fault=fault)
    assert "'kairos repartition --to 8' was stopped while it wrote it: run it again first" in kairos(cluster, "repartition", "--to", "12")
    blocked(cluster, folder / "reference", "'kairos repartition --to 8' was stopped while it wrote it: run it again before anything else")
    late = [record for record in after[:400] if partition_of(record[1], PARTITIONS) != partition_of(record[1], GROWN)]
    cluster.produce([(topic, partition_of(key, PARTITIONS), key, value) for topic, key, value in late])  # by a producer that was not stopped
    done = kairos(cluster, *grow)
    assert "4 to 8 partitions" in done
    assert f"{len(late):,} raw records that came meanwhile sent on" in done
    found = [(record.topic, record.key, record.value) for record in asyncio.run(read_all(cluster.bootstrap, TOPICS)) if record.partition == partition_of(record.key, GROWN)]
    for key in {key for _, key, _ in late}:
        for topic in TOPICS:
            own = [value for of, whose, value in late if (of, whose) == (topic, key)]
            assert [value for of, whose, value in found if (of, whose) == (topic, key)] == own, "where they belong, in their order, once"
    assert kairos(cluster, *grow) == f"nothing to do: {cluster.app} has 8 partitions\n"

    assert "rows of 8 shards" in kairos(cluster, "backup", "--to", saved)
    assert "holds state already: give --replace" in kairos(cluster, "restore", "--from", saved)
    asyncio.run(made_again(cluster.bootstrap, [*TOPICS, f"{cluster.app}.state"], f"{cluster.app}.control"))
    assert "control is missing" in kairos(cluster, "settings", "on", "voice.missed_calls", "--why", "lost")
    assert "the backup has read up to" in kairos(cluster, "restore", "--from", saved)
    killed(cluster, "restore", "--from", saved, "--new-topics", fault="before_commit:12")
    assert f"rows of 8 shards from the backup of {cluster.app}" in kairos(cluster, "restore", "--from", saved, "--new-topics")

    history = kairos(cluster, "settings", "history")
    assert "tried" in history
    assert "and back" in history

    cluster.partitions = GROWN
    cluster.produce(sent(after))
    run(cluster, folder / "reference")
    assert by_customer(cluster.events()) == by_customer(expected(folder / "all.jsonl", folder / "reference"))
    assert sum(cluster.ids().values()) == len(cluster.ids()), "each once"
    assert {event["data"]["settings_version"] for event in cluster.events()} == {0, 2}


@pytest.mark.timeout(900)
def test_another_application_on_the_same_topics_refuses_until_it_is_moved_too_and_both_go_on(cluster, city):
    folder, before, after = city
    one, other = cluster.app, f"{cluster.app}-other"
    grow = ("repartition", "--to", str(GROWN))
    cluster.produce(sent(before))
    for cluster.app in (one, other):
        run(cluster, folder / "reference")
    cluster.app = one
    assert "4 to 8 partitions" in kairos(cluster, *grow)
    cluster.app = other
    blocked(cluster, folder / "reference", f"has moved another application on the same topics, run 'kairos repartition --to 8' for {other}")
    assert "4 to 8 partitions" in kairos(cluster, *grow)
    cluster.partitions = GROWN
    cluster.produce(sent(after))
    for cluster.app in (one, other):
        run(cluster, folder / "reference")
    assert by_customer(cluster.events()) == by_customer(expected(folder / "all.jsonl", folder / "reference"))
    assert set(cluster.ids().values()) == {2}, "once by each"


async def made_again(bootstrap, names, lost):
    """The topics are deleted and created, with the new number of partitions; `lost` is only deleted."""
    configs = {name: {"cleanup.policy": "compact", **LARGE} if name.endswith(".state") else LARGE for name in names}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([*names, lost])
        while {*names, lost} & set(await admin.list_topics()):
            await asyncio.sleep(0.05)
        await create_topics(bootstrap, dict.fromkeys(names, GROWN), configs)
        while not dict.fromkeys(names, GROWN).items() <= (await partitions_of(admin)).items():
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
