"""Faults of topics' configuration and of clocks: compaction and retention that lose, batches that do not fit, a wall clock that is wrong."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.cli.demo import free_port
from tests.broker.kafka import alter_topic
from tests.broker.test_bad_input import kairos
from tests.broker.workers import PROJECT
from tests.faults.test_books import Application, topups
from tests.faults.torn import head_offsets, torn
from tests.streams.records import good

pytestmark = pytest.mark.broker
SMALL = "20000"


@pytest.fixture
def fresh(kafka, tmp_path):
    """An application with empty topics of one partition."""
    made = Application(kafka, tmp_path, 1)
    made.fresh_topics()
    yield made
    made.end()


def alter(application, topic, **config):
    asyncio.run(alter_topic(application.bootstrap, topic, {key.replace("_", "."): value for key, value in config.items()}))


def wait_for(found, what, application, seconds=60):
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"{what}\n{application.logs()[-3000:]}"
        time.sleep(0.1)


def test_topics_that_lose_records_are_refused_all_at_once(fresh):
    alter(fresh, "raw.billing", cleanup_policy="compact")
    alter(fresh, "customer-events.topup", retention_ms="1000")
    alter(fresh, "customer-events.dead-letter", cleanup_policy="compact,delete")
    alter(fresh, f"{fresh.app}.state", cleanup_policy="compact,delete")
    alter(fresh, "raw.usage", retention_ms="3600000")
    checked = kairos("topics", "--brokers", fresh.bootstrap, "--app", fresh.app)
    assert checked.returncode == 2
    for sentence in (checked.stderr, fresh.refused()):
        for wanted in (
            "raw.billing: cleanup.policy must be delete, got compact",
            "customer-events.topup: retention.ms must be at least 60000 (a minute), better 86400000 (a day), got 1000",
            "customer-events.dead-letter: cleanup.policy must be delete, got compact,delete",
            f"{fresh.app}.state: cleanup.policy must be compact, or the state is lost with time: got compact,delete",
            "warning: raw.usage: retention.ms should be at least 86400000 (a day), got 3600000",
        ):
            assert wanted in sentence


def test_the_command_in_the_message_creates_the_topic_of_an_own_family(fresh, tmp_path):
    family = tmp_path / "mine" / "loyalty"
    family.mkdir(parents=True)
    text = (PROJECT / "events" / "topup" / "completed.py").read_text().replace("class Completed(Event", "class Praised(Event")
    (family / "praised.py").write_text(text)
    missing = kairos("topics", "--brokers", fresh.bootstrap, "--app", fresh.app, "--definitions", str(tmp_path / "mine"))
    assert missing.returncode == 2, missing.stdout
    command = missing.stderr.split("create it with 'kairos ")[1].split("'")[0].split()
    made = kairos(*command)
    assert made.returncode == 0, made.stderr
    assert "created customer-events.loyalty" in made.stdout
    assert f"altered {fresh.app}.state: message.timestamp.type=LogAppendTime" in made.stdout


def test_a_configuration_that_was_altered_keeps_its_other_values(fresh):
    """The state topic is altered at the start; what an operator had set for it stays."""
    fresh.produce(topups(0, 3))
    fresh.work_off()

    async def values(client):
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, f"{fresh.app}.state")])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}

    config = fresh.admin(values)
    assert (config["message.timestamp.type"], config["cleanup.policy"], config["max.message.bytes"]) == ("LogAppendTime", "compact", "16777216")


@pytest.mark.parametrize("when", ["before the start", "while it runs"])
def test_batches_fit_their_topics(fresh, when):
    """Events, state rows, dead letters: none of a batch's records is too large, and together they are."""
    noise = random.Random(1)
    if when == "while it runs":
        fresh.start()
        wait_for(lambda: "shard restored" in fresh.logs(), "not restored", fresh)
    for topic in ("customer-events.topup", "customer-events.dead-letter", f"{fresh.app}.state"):
        policy = "compact" if topic.endswith(".state") else "delete"
        alter(fresh, topic, max_message_bytes=SMALL, cleanup_policy=policy, message_timestamp_type="LogAppendTime")
    records = [record for n in range(300) for record in topups(n, 1, f"C{n}")]
    letters = [("raw.billing", 0, b"C1", b'{"bad":' + noise.randbytes(300)) for _ in range(200)]
    fresh.produce([*records, *letters])
    if when == "before the start":
        fresh.start()
    fresh.wait_worked_off()
    assert [worker.poll() for worker in fresh.workers] == [None]
    fresh.end()
    assert sum(event["data"]["event"] == "topup.completed" for event in fresh.events()) == 300
    assert len(fresh.dead_letters()) == 200
    assert set(fresh.ids().values()) == {1}
    assert torn(fresh.bootstrap, fresh.app) == 0
    assert ("batches are made smaller" in fresh.logs()) == (when == "while it runs")


def test_one_record_that_is_too_large_is_named_with_its_topic(fresh):
    fresh.produce(topups(0, 1))
    alter(fresh, "customer-events.topup", max_message_bytes="200")
    assert "customer-events.topup: the broker refuses what must be written: a record is larger than the topic takes: raise its max.message.bytes" in fresh.refused()


def test_the_wall_clock_is_a_year_ahead_and_then_ten_minutes_behind(fresh, tmp_path):
    shift, port = tmp_path / "shift", free_port()

    def readiness():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read().decode()
        except OSError:
            return ""

    def at(record_type, topic, n, **fields):
        now = int(time.time() * 1000)
        record = good(record_type, record_id=f"w{n}", customer_id="C1", account_id="A1", subscription_id="S1", event_time=now, **fields)
        fresh.produce([(topic, 0, b"C1", json.dumps(record).encode())])

    fresh.start("--metrics-port", str(port), clock="wall", environment={"CLOCK_SHIFT": str(shift)})
    wait_for(lambda: readiness() == "ok\n", "not ready", fresh)
    at("balance_change", "raw.billing", 1, operation="charge", delta=-100, balance_after=0)
    fresh.wait_worked_off()
    shift.write_text(str(365 * 86_400_000))
    wait_for(lambda: "s ahead of the broker's: no timer fires while nothing comes" in readiness(), "a year ahead, and ready", fresh)
    time.sleep(3)  # three ticks
    topup = {"operation": "topup", "delta": 500, "balance_after": 1500, "charge_reason": ...}
    at("balance_change", "raw.billing", 2, **topup)
    fresh.wait_worked_off()
    shift.write_text("-600000")
    wait_for(lambda: "s behind the broker's" in readiness(), "ten minutes behind, and ready", fresh)
    at("balance_change", "raw.billing", 3, **topup)
    fresh.wait_worked_off()
    shift.unlink()
    wait_for(lambda: readiness() == "ok\n", "the clocks agree, and it does not tick", fresh)
    fresh.end()
    names = [event["data"]["event"] for event in fresh.events()]
    assert names.count("topup.completed") == 2, names
    assert "balance.depleted" in names
    assert "topup.missing_after_depletion" not in names, "a timer has fired by a clock that was wrong"
    assert fresh.dead_letters() == []


@pytest.mark.fault_full
def test_an_idle_shard_asks_for_the_time_by_writing_its_head(fresh):
    fresh.start(clock="wall")
    wait_for(lambda: "shard restored" in fresh.logs(), "not restored", fresh)
    count = len(head_offsets(fresh.bootstrap, f"{fresh.app}.state")["raw.billing", 0])
    wait_for(lambda: len(head_offsets(fresh.bootstrap, f"{fresh.app}.state")["raw.billing", 0]) > count, "no head after half a minute", fresh, 120)
    fresh.end()
    assert torn(fresh.bootstrap, fresh.app) == 0
