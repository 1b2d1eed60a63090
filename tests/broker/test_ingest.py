"""On a real broker: each row of an operator's files comes to the raw topics once, whatever ends the process."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
import os
import signal
import subprocess
import time
from collections import Counter

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from streams.emit import DEAD_LETTER
from tests.broker.kafka import create_topics, read_all
from tests.broker.test_bad_input import kairos
from tests.broker.warm import KAIROS, Warm
from tests.broker.workers import PROJECT
from tests.sources.mappings import CAMARA, RECHARGES, tmf, written

pytestmark = pytest.mark.broker
HEAD = "msisdn,amount,new balance,time,receipt\n"


def rows(numbers, amount="1.00"):
    """A recharge each minute of 2026."""
    times = ((number, dt.datetime(2026, 1, 1) + dt.timedelta(minutes=number)) for number in numbers)
    return "".join(f"0244{number % 50:06},{amount},5.00,{at:%d/%m/%Y %H:%M},R{number}\n" for number, at in times)


class Ingesting:
    """`kairos ingest` as processes of one application."""

    def __init__(self, cluster, tmp_path):
        self.cluster, self.folder = cluster, tmp_path / "spool"
        self.folder.mkdir()
        self.config, self.source = written(tmp_path, RECHARGES, "own.toml"), "recharges"

    def start(self, *arguments, files=None, **environment):
        command = [*KAIROS, "ingest", *map(str, [self.folder] if files is None else files)]
        command += ["--source", self.source, "--config", str(self.config)]
        command += ["--brokers", self.cluster.bootstrap, "--app", self.cluster.app, *arguments]
        return Warm(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=PROJECT, env={**os.environ, **environment})

    def run(self, code=0, **more):
        process = self.start(**more)
        _, err = process.communicate(timeout=120)
        assert process.returncode == code, err.decode()
        return err.decode()

    def raw(self):
        """How often each receipt stands in the raw topic, in the order of partitions and offsets."""
        return Counter(json.loads(record.value)["record_id"] for record in asyncio.run(read_all(self.cluster.bootstrap, ["raw.billing"])))

    def letters(self):
        return [
            (dict(r.headers)["topic"].decode().rpartition("/")[2], int(dict(r.headers)["offset"]), dict(r.headers)["field"].decode())
            for r in asyncio.run(read_all(self.cluster.bootstrap, [DEAD_LETTER]))
        ]


@pytest.fixture
def ingesting(cluster, tmp_path):
    return Ingesting(cluster, tmp_path)


def test_files_are_written_once_however_often_it_runs(ingesting):
    written(ingesting.folder, HEAD + rows(range(100)) + "0244,x,1,01/05/2026 09:30,R0\n", "a.csv")
    written(ingesting.folder, gzip.compress((HEAD + rows(range(100, 150))).encode()), "b.csv.gz")
    written(ingesting.folder, "half of a file that is still written", "c.csv.part")
    assert "2 files, 150 records written, 1 dead letters" in ingesting.run()
    assert "0 files, 0 records written, 0 dead letters" in ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in range(150)})
    assert ingesting.letters() == [("a.csv", 102, "delta")]
    listed = kairos("dead-letters", "--brokers", ingesting.cluster.bootstrap, "--app", ingesting.cluster.app, "--json")
    (letter,) = map(json.loads, listed.stdout.splitlines())
    assert (letter["reason"], letter["offset"], letter["detail"].partition(" (")[0]) == ("bad_value", 102, "delta: wanted an amount, not finer than the currency, got x")
    back = kairos("dead-letters", "--put-back", "--brokers", ingesting.cluster.bootstrap, "--app", ingesting.cluster.app)
    assert "stays: its topic is not a raw topic" in back.stdout
    keys = {record.key: record.partition for record in asyncio.run(read_all(ingesting.cluster.bootstrap, ["raw.billing"]))}
    assert len(set(keys.values())) > 1
    assert all(json.loads(r.value)["customer_id"].encode() == r.key and keys[r.key] == r.partition for r in asyncio.run(read_all(ingesting.cluster.bootstrap, ["raw.billing"])))


@pytest.mark.parametrize("fault", ["before_commit:2", "after_commit:2", "before_commit:2:error", "after_commit:2:error"])
def test_ended_anywhere_it_goes_on_where_it_was(ingesting, fault):
    file = written(ingesting.folder, HEAD + rows(range(45_000)) + "0244,x,1,01/05/2026 09:30,R0\n", "a.csv")
    process = ingesting.start(FAULT=fault)
    process.communicate(timeout=120)
    assert process.returncode == (0 if fault.endswith("error") else -signal.SIGKILL)
    ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in range(45_000)})
    assert ingesting.letters() == [(file.name, 45_002, "delta")]


def test_a_file_that_grows_is_gone_on_with_and_a_half_row_comes_once_it_is_whole(ingesting):
    file = written(ingesting.folder, HEAD + rows(range(10)) + "0244000001,1.00,5", "a.csv")
    ingesting.run()
    assert ingesting.letters() == [("a.csv", 12, "row")]
    with file.open("a") as more:
        more.write(".00,03/05/2026 09:30,R10\n" + rows(range(11, 15)))
    assert "5 records written" in ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in range(15)})


def test_another_file_under_an_old_name_is_read_from_its_beginning(ingesting):
    written(ingesting.folder, HEAD + rows(range(10)), "a.csv")
    ingesting.run()
    written(ingesting.folder, HEAD + rows(range(20, 40)), "a.csv")
    ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in (*range(10), *range(20, 40))})


def test_newest_first_files_come_oldest_first_and_once(ingesting):
    ingesting.config.write_text(RECHARGES.replace("zone =", 'order = "newest-first"\nzone ='))
    written(ingesting.folder, HEAD + rows(reversed(range(30_000))), "a.csv")
    ingesting.start(FAULT="after_commit:1").communicate(timeout=120)
    ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in range(30_000)})
    by_key = {}
    for record in asyncio.run(read_all(ingesting.cluster.bootstrap, ["raw.billing"])):
        by_key.setdefault(record.key, []).append(json.loads(record.value)["event_time"])
    assert all(times == sorted(times) for times in by_key.values())


def test_a_file_that_is_cut_off_stops_no_other_and_goes_on_when_it_is_delivered_again(ingesting):
    packed = gzip.compress((HEAD + rows(range(50_000))).encode())
    written(ingesting.folder, packed[: len(packed) * 2 // 3], "a.csv.gz")
    written(ingesting.folder, HEAD.replace("amount", "sum") + rows([90_000]), "b.csv")
    written(ingesting.folder, HEAD + rows([80_000]), "c.csv")
    said = ingesting.run(code=2)
    assert "a.csv.gz: wanted a whole gzip file" in said
    assert "b.csv:1: wanted the columns that sources.recharges names, got a header without amount" in said
    written(ingesting.folder, packed, "a.csv.gz")
    ingesting.run(code=2)
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in (*range(50_000), 80_000)})


def test_a_second_process_of_a_source_ends_the_first(ingesting):
    written(ingesting.folder, HEAD + rows(range(10)), "a.csv")
    first = ingesting.start("--watch")
    deadline = time.monotonic() + 60
    while not ingesting.raw() and time.monotonic() < deadline:
        time.sleep(0.5)
    ingesting.run()
    written(ingesting.folder, HEAD + rows(range(20, 30)), "b.csv")
    _, err = first.communicate(timeout=60)
    assert first.returncode == 2
    assert b"another 'kairos ingest' of this source has begun: run only one" in err
    ingesting.run()
    assert ingesting.raw() == Counter({f"R{number}": 1 for number in (*range(10), *range(20, 30))})


class Messaging(Ingesting):
    """`kairos ingest` of the operator's own topic, with JSON messages."""

    topic = "app-operator.payments"

    def __init__(self, cluster, tmp_path):
        super().__init__(cluster, tmp_path)
        self.config, self.source = written(tmp_path, CAMARA.replace("record =", f'topic = "{self.topic}"\nrecord =', 1), "own.toml"), "payments"
        asyncio.run(create_topics(cluster.bootstrap, {self.topic: 3}))

    def produce(self, numbers, more=()):
        values = [*(tmf(number, 2).encode() for number in numbers), *more]
        self.cluster.produce((self.topic, at % 3, b"key", value) for at, value in enumerate(values))

    def ingest(self, code=0, **environment):
        process = self.start(files=[], **environment)
        _, err = process.communicate(timeout=120)
        assert process.returncode == code, err.decode()
        return err.decode()


@pytest.fixture
def messaging(cluster, tmp_path):
    return Messaging(cluster, tmp_path)


def payments(numbers):
    return Counter({f"pay-{number}": 1 for number in numbers})


def test_a_topic_is_written_once_however_often_it_runs(messaging):
    messaging.produce(range(300), [b"{", None])
    assert "300 records written, 2 dead letters" in messaging.ingest()
    assert "0 records written, 0 dead letters" in messaging.ingest()
    messaging.produce(range(300, 310))
    assert "10 records written" in messaging.ingest()
    assert messaging.raw() == payments(range(310))
    assert sorted(messaging.letters()) == [(messaging.topic, 100, "row"), (messaging.topic, 100, "row")]


@pytest.mark.parametrize("fault", ["before_commit:1", "after_commit:1", "before_commit:1:error", "after_commit:1:error"])
def test_a_topic_goes_on_where_the_last_commit_left_it(messaging, fault):
    messaging.produce(range(500))
    messaging.ingest(0 if fault.endswith("error") else -signal.SIGKILL, FAULT=fault)
    messaging.produce(range(500, 600))
    messaging.ingest()
    assert messaging.raw() == payments(range(600))


def test_a_mapping_of_a_topic_takes_no_files_and_one_of_files_needs_some(messaging):
    assert "FILES: wanted no files, since the mapping names a topic, got files" in messaging.run(code=2)
    messaging.config.write_text(CAMARA)
    assert "FILES: wanted files, or a mapping that names a topic, got neither" in messaging.ingest(code=2)
    messaging.config.write_text(CAMARA.replace("record =", 'topic = "no.such"\nrecord =', 1))
    assert "sources.payments.topic: wanted a topic of the cluster, got 'no.such'" in messaging.ingest(code=2)


def test_messages_that_were_deleted_unread_are_counted(messaging):
    messaging.produce(range(30))
    messaging.ingest()
    messaging.produce(range(30, 90))
    place = TopicPartition(messaging.topic, 0)

    async def delete():
        admin = AIOKafkaAdminClient(bootstrap_servers=messaging.cluster.bootstrap)
        await admin.start()
        await admin.delete_records({place: RecordsToDelete(15)})
        await admin.close()

    asyncio.run(delete())
    said = messaging.ingest(code=2)
    assert f"{messaging.topic}[0]: wanted messages from offset 10 on, got 15 as the first: 5 were deleted unread" in said
    assert messaging.raw() == payments(range(30))
