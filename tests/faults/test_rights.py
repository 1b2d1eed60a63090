"""Faults of rights: the worker may do what SECURITY.md lists and nothing else, and then less."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest
from aiokafka import AIOKafkaProducer

from streams.cli.demo import free_port
from streams.emit import DEAD_LETTER, dead_letter
from streams.kafka import follow
from streams.kafka.customer_events import events_of
from streams.kafka.follow import Follower
from streams.page.live import Live
from streams.settings import load
from tests.broker.kafka import BrokerMissing, produce
from tests.broker.secure import scram, secure_broker
from tests.broker.test_outage import answer, wait_for
from tests.broker.test_security import kairos
from tests.broker.workers import PROJECT, Cluster
from tests.streams.records import good

pytestmark = pytest.mark.broker
WORKER = "User:kairos"


def rights(app, after="## The rights of a worker"):
    """The lines of the first block of SECURITY.md behind some words, for an application."""
    block = re.search(re.escape(after) + r".*?```\n(.*?)```", (PROJECT / "SECURITY.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    return [re.sub(r"\bkairos\b", app, line).split() for line in block[1].splitlines()]


@pytest.fixture
def guarded(tmp_path):
    """A broker where everybody on the SASL_SSL listener may do only what was granted, and the folder of certificates."""
    config = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}
    broker = secure_broker(tmp_path, config)
    try:
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    yield broker
    broker.kill()


@pytest.mark.fault_full
def test_the_worker_works_with_the_rights_listed_and_ends_by_name_without_one_of_them(trial, guarded, towns, tmp_path):
    records, arguments = towns(160, 7)
    run = trial(14, "no right to write to an output topic", records=(records[:12_000], arguments), bootstrap=guarded.bootstrap)
    run.brokers = f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}"
    run.environment |= scram(tmp_path)
    run.environment["KAIROS_BATCH_RECORDS"] = "50"  # so that there is work left when the tool has taken the right away
    for line in rights(run.cluster.app):
        guarded.acls("--add", "--allow-principal", WORKER, *line)
    worker = run.start()
    run.wait_progress()
    denied = ("--deny-principal", WORKER, "--operation", "Write", "--topic", "customer-events.balance")
    guarded.acls("--add", *denied)
    assert run.wait_dead(worker) == 70
    run.strike()
    assert "customer-events.balance: the broker refuses what must be written: the worker may not write there: grant it WRITE" in run.cluster.logs()
    guarded.acls("--remove", "--force", *denied)
    run.start()
    run.finish()
    run.check()


async def refuse(bootstrap, value):
    """Write a dead letter of a record that is valid."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    letter = dead_letter("bad_time", "…", ("raw.billing", 0, 7), b"C1", value)
    await producer.send_and_wait(letter.topic, letter.value, key=letter.key, headers=list(letter.headers))
    await producer.stop()


def test_dead_letters_are_listed_and_put_back_with_the_rights_listed_for_it(guarded, tmp_path):
    cluster = Cluster(guarded.bootstrap, tmp_path)
    cluster.fresh_topics()
    value = json.dumps(good("balance_change", delta=-3000, balance_after=10_000)).encode()

    asyncio.run(refuse(guarded.bootstrap, value))
    lines = rights(cluster.app, "`kairos dead-letters` needs")
    assert len(lines) == 4

    def call(*arguments):
        return kairos("dead-letters", "--brokers", f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}", "--app", cluster.app, *arguments, **scram(tmp_path))

    refused = call()
    assert refused.returncode == 2
    assert "not shown to this user" in refused.stderr
    for line in lines[:3]:
        guarded.acls("--add", "--allow-principal", WORKER, *line)
    assert "bad_time  raw.billing  1: raw.billing[0]@7" in call().stdout
    refused = call("--put-back")
    assert refused.returncode == 2, refused.stdout
    assert "grant WRITE on this transactional id" in refused.stderr
    assert "Traceback" not in refused.stderr
    guarded.acls("--add", "--allow-principal", WORKER, *lines[3])
    done = call("--put-back")
    assert "1 of 1 were put back" in done.stdout, done.stderr
    denied = ("--deny-principal", WORKER, "--operation", "Write", "--topic", "raw.billing")
    guarded.acls("--add", *denied)
    for number in range(2, 5):  # each larger than a batch: the refusal of the first comes while the others are being sent
        asyncio.run(refuse(guarded.bootstrap, value.replace(b"r-1", b"r-%d" % number) + b" " * 20_000))
    refused = call("--put-back")
    assert refused.returncode == 2, refused.stdout
    assert "Traceback" not in refused.stderr
    assert "the broker refused" in refused.stderr


async def page_reads(settings, grant):
    """What the live page has counted: before it may read, what is missing; after, events and dead letters."""
    live = Live(["balance.low"])
    follower = Follower(settings, ["customer-events.balance"], live)
    reading = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(40):
            while not follower.caught_up:
                await asyncio.sleep(0.05)
            missing = list(follower.missing)
            grant()
            while not (live.refusals and sum(live.flows["balance.low"].published.series(time.time()))):
                await asyncio.sleep(0.05)
        found = await events_of(settings, "C1", ["customer-events.balance"], 0)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return missing, [*live.refusals], len(found.events)


def test_status_and_page_show_what_the_rights_listed_for_them_allow(guarded, tmp_path, monkeypatch):
    cluster = Cluster(guarded.bootstrap, tmp_path)
    cluster.fresh_topics()
    (line,) = rights(cluster.app, "`kairos status` only reads")

    def call():
        return kairos("status", "--json", "--brokers", f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}", "--app", cluster.app, **scram(tmp_path))

    refused = call()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"grant the caller DESCRIBE on the group {cluster.app}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    guarded.acls("--add", "--allow-principal", WORKER, *line)
    shown = call()
    assert shown.returncode == 1, shown.stderr
    assert json.loads(shown.stdout)["problems"] == [f"the group {cluster.app} has no member: no worker runs"]

    (line,) = rights(cluster.app, "`kairos page` needs that")
    asyncio.run(refuse(guarded.bootstrap, b"x"))
    asyncio.run(produce(guarded.bootstrap, [("customer-events.balance", 0, b"C1", b'{"type":"customer.balance.low.v1"}')]))
    monkeypatch.setattr(follow, "AGAIN_S", 0.5)
    settings = load({"brokers": f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}", "app": cluster.app}, environ=scram(tmp_path))
    seen = asyncio.run(page_reads(settings, lambda: guarded.acls("--add", "--allow-principal", WORKER, *line)))
    assert seen == (["customer-events.balance", DEAD_LETTER], ["bad_time"], 1)


@pytest.mark.fault_full
@pytest.mark.parametrize(
    ("operation", "resource", "words"),
    [
        ("Describe", ("--topic", "raw.billing"), "raw.billing: the broker does not show it to the worker any more: grant it READ"),
        ("Read", ("--topic", "raw.billing"), "raw.billing: the broker refuses what must be read: grant the worker READ"),
        ("Read", ("--group", "APP"), "APP: the broker forbids"),
    ],
)
def test_a_right_taken_away_while_the_worker_runs_is_named(guarded, tmp_path, operation, resource, words):
    cluster = Cluster(guarded.bootstrap, tmp_path)
    cluster.fresh_topics()
    for line in rights(cluster.app):
        guarded.acls("--add", "--allow-principal", WORKER, *line)
    port = free_port()
    worker = cluster.start("--metrics-port", str(port), brokers=f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}", environment=scram(tmp_path))
    try:
        wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready")
        guarded.acls("--add", "--deny-principal", WORKER, "--operation", operation, *(word.replace("APP", cluster.app) for word in resource))
        deadline = time.monotonic() + 60
        while worker.poll() is None and time.monotonic() < deadline:
            cluster.produce([("raw.billing", None, b"C1", json.dumps(good("balance_change", record_id=f"r{time.monotonic_ns()}", delta=-3000, balance_after=10_000)).encode())])
            time.sleep(1)
        assert worker.poll() == 70, (answer(port, "/readyz"), cluster.logs()[-3000:])
        assert words.replace("APP", cluster.app) in cluster.logs(), cluster.logs()[-3000:]
        assert "Traceback" not in cluster.logs()
    finally:
        cluster.end()
