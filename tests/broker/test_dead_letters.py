"""On a real broker: dead letters keep what their records were, and those that are valid now go back, each once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced

from streams.emit import DEAD_LETTER
from streams.kafka import changelog
from streams.kafka.connection import connection
from streams.kafka.dead_letters import PUT_BACK, Reader, Wanted, begin, put_back, write
from streams.kafka.partitioner import partition_of
from streams.settings import load
from tests.broker.kafka import read_all
from tests.broker.test_bad_input import kairos
from tests.streams.records import good

pytestmark = pytest.mark.broker
NOW = int(time.time() * 1000) - 60_000
HOUR = 3_600_000
HEADERS = [("traceparent", b"00-4bf9-00f0-01"), ("empty", b""), ("twice", b"1"), ("twice", b"\xff")]


def charge(name, at=NOW, customer="C1", **changes):
    fields = {"customer_id": customer, "account_id": f"A{customer}", "subscription_id": f"S{customer}"}
    return json.dumps(good("balance_change", record_id=name, event_time=at, delta=-3000, balance_after=10_000, **fields, **changes)).encode()


def large(name, **changes):
    return charge(name, **changes).replace(b"{", b"{" + b" " * 3000, 1)


def produce(cluster, records):
    """Write (key, value, headers) to raw.billing, an hour ago, where Kafka's partitioner puts them."""

    async def run():
        producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
        await producer.start()
        for number, (key, value, headers) in enumerate(records):
            partition = partition_of(key or b"", cluster.partitions)
            await producer.send_and_wait("raw.billing", value, key=key, partition=partition, timestamp_ms=NOW - HOUR + number, headers=headers)
        await producer.stop()

    asyncio.run(run())


def raw(cluster):
    return sorted((r.partition, r.timestamp, r.key, r.value, tuple(r.headers)) for r in asyncio.run(read_all(cluster.bootstrap, ["raw.billing"])))


def called(cluster, *arguments):
    done = kairos("dead-letters", "--brokers", cluster.bootstrap, "--app", cluster.app, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(cluster, records):
    """Have a worker that takes small records only refuse what is large."""
    produce(cluster, records)
    worker = cluster.start(environment={"KAIROS_MAX_RECORD_BYTES": "2000"})
    cluster.wait_worked_off()
    assert cluster.end() == [0] * len(cluster.workers)
    return worker


def test_a_record_that_is_valid_now_is_put_back_unchanged_once_and_is_detected(cluster):
    records = [
        (b"C1", charge("first"), []),
        (b"C1", charge("late", at=NOW - 60 * HOUR), [("h", b"1")]),
        (b"C1", b"{", []),
        (b"C2", charge("reversed", customer="C2", action="reversal", ref_record_id="r0"), []),
        *[(f"C{n}".encode(), large(f"r{n}", customer=f"C{n}"), HEADERS if n % 2 else []) for n in range(3, 13)],
    ]
    refused(cluster, records)
    before = raw(cluster)
    letters = {(dict(letter.headers)["reason"], letter.value): dict(letter.headers) for letter in cluster.dead_letters()}
    headers_of_large = letters[b"too_large", records[4][1]]
    assert headers_of_large["original_timestamp"] == str(NOW - HOUR + 4).encode()
    assert headers_of_large["header.traceparent"] == b"00-4bf9-00f0-01"
    assert Counter(reason for reason, _ in letters) == {b"too_large": 10, b"late": 1, b"bad_json": 1, b"correction": 1}
    assert letters[b"late", records[1][1]]["header.h"] == b"1", "kept while the record waits in the merge"

    listed = called(cluster)
    assert "too_large  raw.billing  10: raw.billing[" in listed
    assert "  the first: value: wanted at most 2000 bytes" in listed, listed
    assert "C3" not in listed
    objects = [json.loads(line) for line in called(cluster, "--json", "--reason", "too_large", "--since", "1h").splitlines()]
    assert len(objects) == 10
    assert all(one["put_back"] is False and "value" not in one for one in objects)
    assert called(cluster, "--json", "--since", "2099-01-01T00:00:00Z") == ""
    assert json.loads(called(cluster, "--json", "--show", "--reason", "bad_json"))["value"] == "{"

    assert "10 of 13 would be put back" in called(cluster, "--put-back", "--dry-run")
    assert raw(cluster) == before, "a dry run writes nothing"
    assert "0 of 2 were put back" in called(cluster, "--put-back", "--reason", "bad_json", "--reason", "late", "--reason", "nothing")
    assert raw(cluster) == before
    done = called(cluster, "--put-back")
    assert "10 of 13 were put back" in done
    assert "late  raw.billing  1: stays: late, and would be later still" in done
    assert "correction  raw.billing  1: stays: still correction" in done
    after = raw(cluster)
    assert Counter(after) - Counter(before) == Counter(record for record in before if len(record[3]) > 2000), "key, value, headers, time and partition as they were"
    again = called(cluster, "--put-back")
    assert "too_large  raw.billing  10: put back before" in again
    assert raw(cluster) == after
    assert "(10 put back)" in called(cluster)

    cluster.start()
    cluster.wait_worked_off()
    drops = {event["data"]["trigger"]["record_id"] for event in cluster.events() if event["data"]["event"] == "balance.drop"}
    assert drops == {"first", *(f"r{n}" for n in range(3, 13))}


def test_a_call_that_dies_or_meets_another_puts_nothing_back_twice(cluster):
    refused(cluster, [(f"C{n}".encode(), large(f"r{n}", customer=f"C{n}"), HEADERS) for n in range(30)])
    before = Counter(raw(cluster))
    settings = load({"brokers": cluster.bootstrap, "app": cluster.app}, environ={})
    counts = {"raw.billing": cluster.partitions}
    looks = []

    async def letters_of(partition):
        async with changelog.reading(settings, connection(settings)) as consumer:
            return [letter async for letter in Reader(consumer, cluster.partitions, None).letters(partition, Wanted())]

    async def run():
        first = await begin(settings)
        full = [partition for partition in range(cluster.partitions) if await letters_of(partition)]
        await write(first, full[0], await letters_of(full[0]), counts)
        hanging = await letters_of(full[1])
        await first.begin_transaction()
        for letter in hanging:
            await first.send_and_wait("raw.billing", letter.value, key=letter.key, partition=0)
        summary = await put_back(settings, Wanted(), dry_run=False, progress=lambda seen, back: looks.append((seen, back)))
        with pytest.raises(ProducerFenced):
            await first.commit_transaction()
        await first.stop()
        return summary, len(await letters_of(full[0]))

    summary, already = asyncio.run(run())
    assert {outcome: count for (_, _, outcome), count in summary.items()} == {PUT_BACK: 30 - already, "put back before": already}
    assert looks[-1] == (30, 30 - already)
    assert Counter(raw(cluster)) == before + before


def test_a_letter_whose_record_is_too_old_for_its_topic_stays_and_one_of_an_older_version_goes_back(cluster):
    from streams.emit import dead_letter, original_headers

    old = dead_letter("bad_time", "event_time: ...", ("raw.billing", 0, 7), b"C1", charge("old"))
    old = old._replace(headers=(*old.headers, *original_headers(NOW - 8 * 24 * HOUR, ())))
    plain = dead_letter("bad_time", "event_time: ...", ("raw.billing", 0, 8), b"C1", charge("plain"))
    foreign = dead_letter("bad_time", "event_time: ...", ("raw.other", 0, 8), b"C1", charge("foreign"))
    cut = plain._replace(headers=(*dead_letter("x", "", ("raw.billing", 0, 9), b"", b"").headers, ("cut_from_bytes", b"99")))

    async def run():
        producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
        await producer.start()
        for letter in (old, plain, foreign, cut, plain):
            await producer.send_and_wait(DEAD_LETTER, letter.value, key=letter.key, headers=list(letter.headers))
        await producer.send_and_wait(DEAD_LETTER, b"somebody else's")
        await producer.stop()

    asyncio.run(run())
    done = called(cluster, "--put-back")
    assert "bad_time  raw.billing  1: put back\n" in done
    assert "bad_time  raw.billing  1: put back before" in done, "the same record twice"
    assert "it would be deleted unread" in done
    assert "its topic is not a raw topic" in done
    assert "x  raw.billing  1: stays: its value or headers were cut" in done
    assert [json.loads(value)["record_id"] for *_, value, _ in raw(cluster)] == ["plain"]
    wrong = kairos("dead-letters", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "--since: wanted a time with offset" in wrong.stderr
    assert kairos("dead-letters", "--dry-run").returncode == 2
