"""On a real broker: reference tables come by a compacted topic, filled from files, read to its end before the first step, and followed."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from schemas.reference.fault import ReferenceFault
from streams.cli import app
from streams.kafka.reference_topic import settled
from streams.kafka.topics import TopicFault
from streams.settings import load
from tests.broker.kafka import read_all
from tests.broker.test_operations import charge
from tests.broker.test_outage import wait_for
from tests.broker.test_reference_live import RULE, waited_for

pytestmark = pytest.mark.broker
TOPIC = "operator.reference"
HEAD = "subscription_id,customer_id,account_id,home_city,msisdn\n"


def publish(cluster, folder):
    done = CliRunner().invoke(app, ["reference", str(folder), "--publish", "--topic", TOPIC, "--brokers", cluster.bootstrap])
    return done.exit_code, str(done.exception or done.output.splitlines()[-1])


def send(cluster, *messages):
    """Messages of somebody else's producer."""

    async def produce():
        async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
            for key, value in messages:
                await producer.send_and_wait(TOPIC, value if isinstance(value, bytes | None) else json.dumps(value).encode(), key=key.encode())

    asyncio.run(produce())


def homes(cluster):
    """The home that each event has read, in the order of time."""
    found = [json.loads(record.value) for record in asyncio.run(read_all(cluster.bootstrap, ["customer-events.balance"]))]
    return [one["data"]["detail"]["home"] for one in sorted(found, key=lambda one: one["time"])]


def test_tables_by_a_topic(cluster, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    rows = [f"SC{number},C{number},AC{number},310000,4915{number}\n" for number in range(5)]
    (given / "lines.csv").write_text(HEAD + "".join(rows))
    with (
        pytest.raises(TopicFault, match="reference_topic: wanted a topic of the cluster, got 'operator.reference'"),
        settled(load({"brokers": cluster.bootstrap, "reference_topic": TOPIC})),
    ):
        pass
    assert publish(cluster, given) == (0, f"{TOPIC}: 5 rows written, 0 removed, 0 were there already")
    assert publish(cluster, given) == (0, f"{TOPIC}: 0 rows written, 0 removed, 5 were there already")
    rows[1] = rows[1].replace("310000", "110000")
    (given / "lines.csv").write_text(HEAD + "".join(rows[:4]))
    assert publish(cluster, given) == (0, f"{TOPIC}: 1 rows written, 1 removed, 3 were there already")
    assert len(asyncio.run(read_all(cluster.bootstrap, [TOPIC]))) == 7
    own = tmp_path / "mine" / "balance"
    own.mkdir(parents=True)
    (own / "seen.py").write_text(RULE, "utf-8")
    cluster.produce([charge(1, "C1"), charge(1, "C4")])
    worker = cluster.start("--definitions", str(tmp_path / "mine"), "--only", "balance.seen", environment={"KAIROS_REFERENCE_TOPIC": TOPIC, "KAIROS_REFERENCE_CHECK": "1"})
    wait_for(lambda: sorted(map(str, homes(cluster))) == ["110000", "None"], 60, "the topic is read before the first step")
    send(cluster, ("lines/SC1", {"subscription_id": "SC1", "home_city": "440100", "activation_date": "yesterday"}))
    assert "operator.reference: lines/SC1: activation_date: wanted a date" in waited_for(cluster, "readyz", "refused")
    assert "kairos_reference_refused 1.0" in cluster.ask(0, "/metrics")
    cluster.produce([charge(2, "C1")])
    wait_for(lambda: homes(cluster)[1:].count("110000") + homes(cluster)[:1].count("110000") == 2, 60, "the version before stays in use")
    send(cluster, ("lines/SC1", {"subscription_id": "SC1", "home_city": "440100"}), ("lines/SC2", None))
    waited_for(cluster, "metrics", "kairos_reference_version 2.0")
    assert cluster.ask(0, "/readyz").strip() == "ok"
    cluster.produce([charge(3, "C1"), charge(3, "C2")])
    wait_for(lambda: len(homes(cluster)) == 5 and {"440100", None} <= set(homes(cluster)[-2:]), 60, "the new version in all shards")
    send(cluster, ("lines/SC3", b"no row"))
    assert "operator.reference: lines/SC3: wanted the row as a JSON object, got 'no row'" in waited_for(cluster, "readyz", "no row")
    with pytest.raises(ReferenceFault, match="lines/SC3: wanted the row as a JSON object"), settled(load({"brokers": cluster.bootstrap, "reference_topic": TOPIC})):
        pass
    send(cluster, ("lines/SC3", None))
    wait_for(lambda: cluster.ask(0, "/readyz").strip() == "ok", 60, "the bad message is removed")
    worker.terminate()
    assert worker.wait(20) == 0
