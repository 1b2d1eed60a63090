"""The events and dead-letter topics on a real broker: what is read at the start, what comes later, and topics that come later."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.emit import DEAD_LETTER, MISSED
from streams.kafka import customer_events, follow
from streams.kafka.follow import Follower
from streams.page.live import Live
from streams.settings import load
from tests.broker.workers import Cluster

pytestmark = pytest.mark.broker
MINUTE_MS = 60_000


def event(customer="C1", name="balance.low"):
    return f'{{"type":"customer.{name}.v1","of":"{customer}"}}'.encode()


async def until(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def test_topics_are_followed_from_an_hour_back_on(kafka, tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "AGAIN_S", 0.5)
    monkeypatch.setattr(follow, "MOST_LETTERS", 3)
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    settings = load({"brokers": kafka, "app": cluster.app}, environ={})
    now = int(time.time() * 1000)

    async def whole():
        live = Live(["balance.low"])
        follower = Follower(settings, ["customer-events.balance", "customer-events.later", MISSED], live)

        def count():
            flow = live.flows["balance.low"]
            return sum(flow.published.series(time.time())), sum(flow.missed.series(time.time()))

        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:

            async def send(topic, minutes, partition=0, value=None, reason=None):
                headers = [("reason", reason.encode()), ("topic", b"raw.usage"), ("partition", b"1"), ("offset", b"2")] if reason else []
                await producer.send_and_wait(topic, value or event(), key=b"C1", partition=partition, timestamp_ms=now - minutes * MINUTE_MS, headers=headers)

            for minutes in (300, 70, 50, 1):
                await send("customer-events.balance", minutes)
            await send("customer-events.balance", 2, partition=3)
            await send(MISSED, 5)
            for minutes in (2 * 1440, 600):
                await send(DEAD_LETTER, minutes, value=b"x", reason="old" if minutes > 1440 else "bad_json")
            for minutes in range(5):
                await send(DEAD_LETTER, 5 - minutes, partition=1, value=b"x", reason="late")
            running = asyncio.create_task(follower.run())
            await until(lambda: follower.caught_up)
            assert count() == (3, 1)
            assert {reason: sum(one.hours.series(time.time())) for reason, one in live.refusals.items()} == {"bad_json": 1, "late": 3}
            assert follower.cut
            assert follower.missing == ["customer-events.later"]
            await send("customer-events.balance", 0)
            await until(lambda: count() == (4, 1))
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
            await admin.start()
            await admin.create_topics([NewTopic("customer-events.later", 1, 1)])
            await admin.close()
            await until(lambda: not follower.missing)
            await send("customer-events.later", 0)
            await send("customer-events.balance", 0, partition=2)
            await until(lambda: count() == (6, 1))
            assert follower.trouble is None
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(whole())


def test_without_any_topic_it_waits_for_them(kafka, tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "AGAIN_S", 0.5)
    follower = Follower(load({"brokers": kafka}, environ={}), [], Live([]))
    follower.topics = ("customer-events.none",)

    async def whole():
        running = asyncio.create_task(follower.run())
        await until(lambda: follower.caught_up)
        assert (follower.missing, follower.trouble) == (["customer-events.none"], None)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(whole())


def test_the_events_of_one_customer_on_all_partitions(kafka, tmp_path, monkeypatch):
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    settings = load({"brokers": kafka, "app": cluster.app}, environ={})
    now = int(time.time() * 1000)
    topics = ["customer-events.balance", MISSED, "customer-events.not-there"]

    async def whole():
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for number in range(12):
                customer = "C1" if number % 3 == 0 else "C11"
                await producer.send_and_wait(
                    "customer-events.balance", event(str(number)), key=customer.encode(), partition=number % 4, timestamp_ms=now - (12 - number) * MINUTE_MS
                )
            await producer.send_and_wait(MISSED, event("m"), key=b"C1", headers=[("reason", b"stale")], timestamp_ms=now - MINUTE_MS // 2)
        found = await customer_events.events_of(settings, "C1", topics, now - 60 * MINUTE_MS)
        assert [(one.value, one.reason) for one in found.events] == [*((event(str(number)), None) for number in (0, 3, 6, 9)), (event("m"), "stale")]
        assert found.whole
        assert found.read == 13
        late = await customer_events.events_of(settings, "C1", topics, now - 7 * MINUTE_MS)
        assert [one.value for one in late.events] == [event("6"), event("9"), event("m")]
        assert (await customer_events.events_of(settings, "nobody", topics, 0)).events == []
        hurried = await customer_events.events_of(settings, "C1", topics, 0, deadline_s=0)
        assert not hurried.whole
        monkeypatch.setattr(customer_events, "MOST", 2)
        few = await customer_events.events_of(settings, "C1", topics, 0)
        assert ([one.value for one in few.events], few.whole) == ([event("9"), event("m")], False)

    asyncio.run(whole())
