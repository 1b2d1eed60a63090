"""On a real broker: bad input goes to the dead-letter topic with its reason, and the neighbours are detected."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter

import pytest

from tests.broker.kafka import create_topics
from tests.broker.warm import KAIROS, run
from tests.broker.workers import PROJECT, Cluster
from tests.events.test_catalogue import EVENTS  # noqa: F401  # the definitions load
from tests.intake.test_decode import BAD, TOPIC_OF, chunk_of
from tests.intake.test_extremes import poisoned
from tests.streams.records import GOOD, good

pytestmark = pytest.mark.broker


def encoded(number, **changes):
    return json.dumps(good("balance_change", record_id=f"ok-{number}", delta=-3000, balance_after=10_000, **changes)).encode()


def test_every_bad_record_is_a_dead_letter_and_every_neighbour_an_event(cluster):
    large = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    bad = [*BAD, ("too_large", large)]
    records, expected, offset = [], [], 0
    for number, (reason, value) in enumerate(bad):
        records += [("raw.billing", 1, b"C1", value), ("raw.billing", 1, b"C1", encoded(number, event_time=1_777_599_072_000 + number * 7_200_000))]
        expected.append((reason, 1, offset, value))
        offset += 2
    records.append(("raw.billing", 1, None, encoded(999)))
    expected.append(("null_key", 1, offset, encoded(999)))
    cluster.produce(records)
    cluster.start()
    cluster.wait_worked_off()
    found = []
    for letter in cluster.dead_letters():
        headers = {name: value.decode() for name, value in letter.headers}
        assert headers["topic"] == "raw.billing"
        assert headers["detail"]
        found.append((headers["reason"], int(headers["partition"]), int(headers["offset"]), letter.value))
    assert sorted(found, key=lambda f: f[2]) == expected
    drops = [event for event in cluster.events() if event["data"]["event"] == "balance.drop"]
    assert [event["data"]["trigger"]["record_id"] for event in drops] == [f"ok-{number}" for number in range(len(bad))]
    assert "139123" not in cluster.logs()
    assert "8613800000100" not in cluster.logs()


def test_extreme_values_of_every_type_are_dead_letters_or_accepted_from_backlog_and_live(cluster):
    """The worker that decodes them goes on, and so does one that restores what they left."""
    records = []
    for record_type in GOOD:
        values, keys = poisoned(record_type)
        records += [(TOPIC_OF[record_type], 1, key, value) for key, value in list(zip(keys, values, strict=True))[::13]]
    following, expected = Counter(), {}
    for topic, _, key, value in records:
        rejects = chunk_of([value], topic, [key]).rejects
        expected |= {(topic, following[topic]): rejects[0].reason} if rejects else {}
        following[topic] += 1
    cluster.produce(records[: len(records) // 2])
    cluster.start()
    cluster.wait_worked_off()
    cluster.produce(records[len(records) // 2 :])
    cluster.wait_worked_off()
    cluster.end()
    cluster.start()
    cluster.produce([("raw.billing", 1, b"C1", encoded(1000))])
    cluster.wait_worked_off()
    found = {(headers["topic"].decode(), int(headers["offset"])): headers["reason"].decode() for headers in (dict(letter.headers) for letter in cluster.dead_letters())}
    assert found == expected
    assert "ok-1000" in {(event["data"]["trigger"] or {}).get("record_id") for event in cluster.events()}


def test_records_of_the_future_and_stale_events_are_kept_from_consumers_on_the_wall_clock(cluster):
    import time

    now = int(time.time() * 1000)
    values = [encoded(1, event_time=now - 3_600_000), encoded(2, event_time=now - 30 * 3_600_000), encoded(3, event_time=now + 900_000)]
    cluster.produce([("raw.billing", 0, b"C1", value) for value in [values[1], values[0], values[2]]])
    cluster.start(clock="wall")
    cluster.wait_worked_off()
    assert [event["data"]["trigger"]["record_id"] for event in cluster.events() if event["data"]["event"] == "balance.drop"] == ["ok-1"]
    assert [dict(letter.headers)["reason"] for letter in cluster.dead_letters()] == [b"future"]
    from streams.emit import MISSED
    from tests.broker.kafka import read_all

    missed = asyncio.run(read_all(cluster.bootstrap, [MISSED]))
    assert {(json.loads(m.value)["data"]["event"], dict(m.headers)["reason"]) for m in missed} == {("balance.drop", b"stale"), ("spend.day_step", b"stale")}


def test_on_the_wall_clock_a_timer_fires_although_nothing_arrives(cluster):
    import time

    from streams.engine.home import HOUR_MS

    emptied = int(time.time() * 1000) - 24 * HOUR_MS + 1000
    cluster.produce([("raw.billing", 0, b"C1", json.dumps(good("balance_change", event_time=emptied, delta=-10, balance_after=0)).encode())])
    cluster.start(clock="wall")
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and not (found := [e for e in cluster.events() if e["data"]["event"] == "topup.missing_after_depletion"]):
        time.sleep(0.5)
    assert len(found) == 1
    assert found[0]["data"]["trigger"] is None
    assert found[0]["data"]["anchor"]["record_id"] == "r-1"


def kairos(*arguments):
    command = [*KAIROS, *arguments]
    return run(command, timeout=60, cwd=PROJECT)


def one_line(done, *words):
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("kairos: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_missing_topic_unequal_counts_and_an_unreachable_broker_are_reported_in_one_line(kafka, tmp_path):
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    app = cluster.app
    mine = tmp_path / "mine" / "odd"
    mine.mkdir(parents=True)
    (mine / "one.py").write_text((PROJECT / "events" / "topup" / "completed.py").read_text())
    one_line(kairos("worker", "--brokers", kafka, "--app", app, "--definitions", str(tmp_path / "mine")), "customer-events.odd is missing", "kairos topics --create")

    async def uneven():
        from aiokafka.admin import AIOKafkaAdminClient

        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_topics(["raw.usage"])
        while "raw.usage" in await admin.list_topics():
            await asyncio.sleep(0.05)
        await admin.close()
        await create_topics(kafka, {"raw.usage": 3})

    asyncio.run(uneven())
    one_line(kairos("worker", "--brokers", kafka, "--app", app), "partition counts must be equal", "raw.usage has 3")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{probe.getsockname()[1]}"
    one_line(kairos("worker", "--brokers", nobody), f"no Kafka broker answers on {nobody}")


def test_topics_are_created_and_then_found_as_they_must_be(kafka, tmp_path):
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    made = kairos("topics", "--create", "--brokers", kafka, "--app", "app-other")
    assert made.returncode == 0, made.stderr
    assert "created app-other.state" in made.stdout
    assert "4 partitions each" in kairos("topics", "--brokers", kafka, "--app", "app-other").stdout
