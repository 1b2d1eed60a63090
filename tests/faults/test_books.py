"""Faults of the three books on a real broker: the group's offsets, the state and the raw topics are changed by hand under an application."""

from __future__ import annotations

import asyncio
import json
import time

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from schemas.raw import TOPICS
from streams.engine.state.store import HEAD_KEY, Head
from tests.broker.kafka import read_all
from tests.broker.test_bad_input import kairos
from tests.broker.workers import LARGE, Cluster
from tests.faults.harness import waited
from tests.faults.torn import committed_offsets, head_offsets, torn
from tests.streams.records import good

pytestmark = pytest.mark.broker
BILLING = TopicPartition("raw.billing", 0)
COUNT = 40


def topups(first, count, customer="C1"):
    """Top-ups a minute apart; each is an event."""
    for n in range(first, first + count):
        fields = {"customer_id": customer, "account_id": "A1", "subscription_id": "S1", "event_time": 1_777_599_072_000 + n * 60_000}
        record = good("balance_change", record_id=f"r{n}", operation="topup", delta=500, balance_after=1500, charge_reason=..., **fields)
        yield ("raw.billing", 0, customer.encode(), json.dumps(record).encode())


class Application(Cluster):
    """One partition, forty top-ups that a worker has worked off."""

    by_hand = False
    """Whether offsets were set beside the worker's transactions."""

    chosen = ()
    """Further arguments of every worker."""

    def start(self, *arguments, **options):
        return super().start(*self.chosen, *arguments, **options)

    def admin(self, work):
        async def run():
            client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await client.start()
            try:
                return await work(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def work_off(self, *arguments):
        worker = self.start(*arguments)
        self.wait_worked_off()
        assert worker.poll() is None, self.logs()[-2000:]
        self.end()

    def refused(self, *arguments):
        """A worker ends by itself; what it said."""
        worker = self.start(*arguments)
        assert worker.wait(60) in (2, 70), self.logs()[-2000:]
        return self.logs()

    def set_offset(self, offset):
        """As by hand: without a token, even if the group has members."""

        async def run():
            producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, transactional_id="by-hand")
            await producer.start()
            async with producer.transaction():
                await producer.send_offsets_to_transaction({BILLING: offset}, self.app)
            await producer.stop()

        self.by_hand = True
        asyncio.run(run())

    def delete_offsets(self):
        async def work(client):
            answer = await client._send_request(DeleteGroupsRequest([self.app]), await client.find_coordinator(self.app))
            assert [for_code(code).__name__ for _, code in answer.results] == ["NoError"]

        self.admin(work)

    def recreate(self, topic, config):
        async def work(client):
            await client.delete_topics([topic])
            while topic in await client.list_topics():
                await asyncio.sleep(0.05)
            await client.create_topics([NewTopic(topic, 1, 1, topic_configs=config)])

        self.admin(work)

    def delete_below(self, offset):
        self.admin(lambda client: client.delete_records({BILLING: RecordsToDelete(before_offset=offset)}))

    def nothing_twice(self, events):
        ids = self.ids()
        assert set(ids.values()) == {1}, "an event was published twice"
        assert sum(event["data"]["event"] == "topup.completed" for event in self.events()) == events
        assert self.by_hand or torn(self.bootstrap, self.app) == 0


@pytest.fixture
def application(kafka, tmp_path):
    """An application that has worked off forty top-ups."""
    made = Application(kafka, tmp_path, 1)
    made.chosen = ("--only", "topup.completed")  # so that workers start sooner: the books are kept alike for any events
    made.fresh_topics()
    made.produce(topups(0, COUNT))
    made.work_off()
    yield made
    made.end()


def test_offsets_are_lost_and_the_shard_continues_from_the_state(application):
    application.delete_offsets()
    sentence = application.refused()
    assert f"raw.billing[0]: the state, the group and the topic do not agree: the state has read up to {COUNT}, the group has no offset, the topic holds 0 to {COUNT}" in sentence
    assert "--resume-from-state" in sentence
    application.produce(topups(COUNT, 5))
    application.work_off("--resume-from-state")
    assert f"continues at {COUNT}: nothing is lost or repeated" in application.logs()
    application.work_off()
    application.nothing_twice(COUNT + 5)


def test_offsets_are_moved_by_hand(application):
    for offset in (10, COUNT - 1, COUNT + 1, 1000):
        application.set_offset(offset)
        assert f"the state has read up to {COUNT}, the group up to {offset}, the topic holds 0 to {COUNT}" in application.refused()
    application.set_offset(COUNT)
    application.produce(topups(COUNT, 5))
    application.work_off()
    application.nothing_twice(COUNT + 5)


def test_the_state_topic_is_lost_and_nobody_advises_to_make_it(application):
    application.admin(lambda client: client.delete_topics([f"{application.app}.state"]))
    sentence = application.refused()
    assert (
        f"the group {application.app} has read up to raw.billing[0] {COUNT}: the state is lost: rebuild it with 'kairos backfill --all', start with another --app and replay history"
        in sentence
    )
    assert "--create" not in sentence
    made = kairos("topics", "--create", "--brokers", application.bootstrap, "--app", application.app)
    assert made.returncode == 2
    assert "the state is lost" in made.stderr
    application.admin(lambda client: client.create_topics([NewTopic(f"{application.app}.state", 1, 1, topic_configs={"cleanup.policy": "compact"})]))
    assert f"{application.app}.state[0]: the state is lost" in application.refused("--resume-from-state")


def test_read_records_are_deleted_and_nothing_happens_and_the_heads_offsets_are_those_of_the_group_in_every_transaction(application):
    application.delete_below(COUNT)
    application.produce(topups(COUNT, 5))
    application.work_off()
    heads, group = head_offsets(application.bootstrap, f"{application.app}.state"), committed_offsets(application.bootstrap, application.app)
    assert heads == group
    assert heads["raw.billing", 0][-1] == COUNT + 5
    application.nothing_twice(COUNT + 5)


def test_unread_records_are_deleted_and_the_shard_continues_without_them(application):
    application.produce(topups(COUNT, 10))
    application.delete_below(COUNT + 3)
    assert f"records {COUNT} to {COUNT + 2} were deleted unread" in application.refused()
    application.work_off("--resume-from-state")
    assert f"continues at {COUNT + 3}, its beginning: records {COUNT} to {COUNT + 2} are lost" in application.logs()
    application.nothing_twice(COUNT + 7)


def test_a_raw_topic_is_deleted_and_created_again(application):
    application.recreate("raw.billing", LARGE)
    application.produce(topups(COUNT, COUNT + 5))
    sentence = application.refused()
    assert f"the state has read up to {COUNT}, the group has no offset" in sentence
    application.recreate("raw.billing", LARGE)
    application.produce(topups(COUNT, 5))
    application.work_off("--resume-from-state")
    assert "continues at 0, its beginning, as a topic that was created again" in application.logs()
    application.nothing_twice(COUNT + 5)


def test_offsets_beyond_the_end_of_a_topic_that_was_cut(application):
    application.recreate("raw.billing", LARGE)
    deadline = time.monotonic() + 30
    while ("raw.billing", 0) in {(place.topic, place.partition) for place in application.admin(lambda client: client.list_consumer_group_offsets(application.app))}:
        assert time.monotonic() < deadline, "the broker forgets the offsets of a deleted topic"
        time.sleep(0.1)
    application.set_offset(COUNT)
    assert f"the topic ends at 0, and was read up to {COUNT}" in application.refused()
    application.start("--resume-from-state")
    deadline = time.monotonic() + 60
    while "shard restored" not in application.logs().rpartition("continues at 0, its end")[2]:
        assert time.monotonic() < deadline, application.logs()[-2000:]
        time.sleep(0.1)
    application.produce(topups(COUNT, 5))
    application.wait_worked_off()
    application.end()
    application.nothing_twice(COUNT + 5)


def test_state_of_an_older_version_takes_the_groups_offsets_over_once(application):
    async def forget():
        """The head row as the version before wrote it."""
        rows = [record for record in await read_all(application.bootstrap, [f"{application.app}.state"]) if record.key == HEAD_KEY]
        head = msgspec.structs.replace(msgspec.json.decode(rows[-1].value, type=Head), offsets={})
        producer = AIOKafkaProducer(bootstrap_servers=application.bootstrap)
        await producer.start()
        await producer.send_and_wait(f"{application.app}.state", msgspec.json.encode(head), key=HEAD_KEY, partition=0)
        await producer.stop()

    asyncio.run(forget())
    application.produce(topups(COUNT, 5))
    application.work_off()
    assert application.logs().count("state without offsets, of an older version: the group's are taken over") == 1
    application.set_offset(3)
    assert f"the state has read up to {COUNT + 5}, the group up to 3" in application.refused()
    application.set_offset(COUNT + 5)
    application.work_off()
    assert application.logs().count("are taken over") == 1
    assert {event for event, count in application.ids().items() if count > 1} == set()


def test_an_erasure_carries_the_head_row(application):
    receipt = kairos("erase", "C1", "--brokers", application.bootstrap, "--app", application.app)
    assert receipt.returncode == 0, receipt.stderr
    assert {topic: offsets[-1] for (topic, _), offsets in head_offsets(application.bootstrap, f"{application.app}.state").items()} == {
        "raw.billing": COUNT,
        **dict.fromkeys(set(TOPICS) - {"raw.billing"}, 0),
    }
    application.produce(topups(COUNT, 5))
    application.work_off()
    application.nothing_twice(COUNT + 5)


def test_a_shard_that_another_producer_had_before_a_rebalance_is_restored_and_its_worker_goes_on(application):
    both = {number: application.start() for number in (1, 2)}
    waited(lambda: all(map(application.port, both)), 60)
    waited(lambda: all('kairos_member_state{state="stable"} 1.0' in application.ask(number, "/metrics") for number in both), 60)
    waited(lambda: len(application.lags()) == len(TOPICS), 60)
    (owner,) = [number for number in both if "kairos_consumer_lag_records{" in application.ask(number, "/metrics")]
    receipt = kairos("erase", "C1", "--brokers", application.bootstrap, "--app", application.app)
    assert receipt.returncode == 0, receipt.stderr
    both[3 - owner].terminate()
    waited(lambda: "another worker has committed since, the shard is restored" in application.logs(), 60)
    application.produce(topups(COUNT, 5))
    application.wait_worked_off()
    assert both[owner].poll() is None, application.logs()[-2000:]
    assert both[3 - owner].wait(20) == 0
    application.end()
    application.nothing_twice(COUNT + 5)


def test_a_first_start_on_a_cluster_without_a_topic_of_offsets(own_broker, tmp_path):
    """The broker makes its own topics of offsets and transactions when they are first asked for, and says so for a while."""
    broker = own_broker()
    made = Application(broker.bootstrap, tmp_path, 1)
    created = kairos("topics", "--create", "--partitions", "1", "--brokers", broker.bootstrap, "--app", "other")
    assert created.returncode == 0, created.stderr
    made.produce(topups(0, COUNT))
    made.work_off()
    assert f"{made.app} begins as a new application, at the beginning of the topics; there is state of other: was one of them meant?" in made.logs()
    made.nothing_twice(COUNT)
