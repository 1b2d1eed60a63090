"""On a real broker: settings are changed while workers run, lag and are killed, and the events are those of a replay that is cut where each shard changed."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections import Counter
from typing import Any

import msgspec
import pytest

from schemas.raw import TOPICS
from streams.builder import shard_builder
from streams.cli import main
from streams.engine.state.codec import split_key
from streams.engine.state.store import ABOUT, HEAD_KEY, Head
from streams.kafka import control
from streams.kafka.topics import TopicFault
from streams.settings import load
from streams.simulation.city import City
from streams.switches import SwitchFault
from tests.broker.kafka import produce, read_all
from tests.broker.test_failing_rule import lines
from tests.broker.test_outage import wait_for

pytestmark = pytest.mark.broker
MIDNIGHT_MS = 1_777_564_800_000
ONLY = (
    "balance.low",
    "balance.recovered",
    "topup.completed",
    "topup.small_frequent",
    "voice.missed_calls",
    "data.heavy_day",
    "voice.silent",
    "spend.day_step",
    "web.session_closed",
)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Some days of a small city: its records, and the folder of its reference tables."""
    folder = tmp_path_factory.mktemp("city")
    town = City(7, 30, MIDNIGHT_MS)
    town.write_reference(folder)
    return list(town.records(8)), str(folder)


def settings_of(cluster, reference=None):
    return load({"brokers": cluster.bootstrap, "app": cluster.app, "clock": "records", "reference": reference, "only": ONLY}, environ={})


def control_topic(cluster):
    """The application with a control topic, as `kairos topics --create` makes it."""
    main_of("topics", "--create", "--brokers", cluster.bootstrap, "--app", cluster.app)


def main_of(*arguments):
    """Run a command. Returns its exit code."""
    import sys

    before, sys.argv = sys.argv, ["kairos", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = before
    return 0


def test_only_one_of_two_writers_at_once_wins_and_the_other_says_so(cluster, capsys, monkeypatch):
    monkeypatch.setenv("KAIROS_ONLY", ",".join(ONLY))
    settings = settings_of(cluster)
    builder, _ = shard_builder(settings)
    with pytest.raises(TopicFault, match=r"\.control is missing on .*: create it with 'kairos topics --create'"):
        asyncio.run(control.change(builder, settings, off=["balance.low"], why="a test", by="ann"))
    assert asyncio.run(control.read(settings)).versions == []
    control_topic(cluster)
    assert f"created {cluster.app}.control" in capsys.readouterr().out

    def while_another_writes(history):
        other = threading.Thread(target=lambda: asyncio.run(control.change(builder, settings, parameters={"balance.low": {"low": 500}}, why="the other", by="bob")))
        other.start()
        other.join()
        return control.proposed(builder.catalogue, history, {}, ["voice.missed_calls"])

    with pytest.raises(SwitchFault, match="another change was written at the same time, and version 1 of this one was not"):
        asyncio.run(control.write(builder, settings, while_another_writes, why="the first", by="ann"))
    asyncio.run(control.change(builder, settings, off=["voice.missed_calls"], why="again", by="ann"))
    command = ("--brokers", cluster.bootstrap, "--app", cluster.app)
    assert main_of("settings", "history", "--json", *command) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(version["version"], version["by"], version["why"]) for version in told["versions"]] == [(1, "bob", "the other"), (2, "ann", "again")]
    assert told["versions"][1]["changes"] == [{"what": "event:voice.missed_calls", "from": "on", "to": "off"}]
    assert main_of("settings", "set", "balance.low.low=5", "balance.low.rearm=-7", "--why", "wrong", *command) == 2
    assert "balance.low.rearm: wanted" in capsys.readouterr().err
    assert main_of("settings", "on", "voice.missed_calls", "--why", "right", "--by", "eve", *command) == 0
    assert main_of("settings", "rollback", "1", "--why", "as bob had it", *command) == 2, "nothing would change"
    assert "wanted one with other values than those in force (version 3), got 1" in capsys.readouterr().err
    assert main_of("settings", "rollback", "0", "--why", "as installed", *command) == 0
    assert main_of("settings", "off", "balance.low", "--why", "enough", *command) == 0
    assert main_of("settings", *command) == 0
    assert f"balance.low is off  ({cluster.app}.control, version 5)" in capsys.readouterr().out


def shown(cluster, number):
    """The version of each shard of a worker, by its metrics; none where it does not answer."""
    text = cluster.ask(number, "/metrics")
    return [int(float(line.split()[-1])) for line in text.splitlines() if line.startswith("kairos_settings_version{")]


def test_changes_under_lag_and_kills_are_a_replay_that_is_cut_where_they_were_applied(cluster, city):
    changed_under_lag(cluster, city, [])


def changed_under_lag(cluster, city, faults):
    """Four versions while a worker lags, is killed, and is killed again at each of `faults`; bad records in the topic; then the comparison with the oracle."""
    records, reference = city
    settings = settings_of(cluster, reference)
    builder, _ = shard_builder(settings)
    control_topic(cluster)
    change = lambda **what: asyncio.run(control.change(builder, settings, why="a test", by="ann", **what))
    arguments = [word for event in ONLY for word in ("--only", event)] + ["--reference", reference]
    slow = {"KAIROS_BATCH_RECORDS": "20", "KAIROS_QUEUE_RECORDS": "100"}
    half = len(records) // 2
    cluster.produce((record.topic, None, record.key, record.value) for record in records[:half])
    worker = cluster.start(*arguments, "--instance", "one", environment=slow)
    cluster.wait_begun()
    change(parameters={"balance.low": {"low": 1500, "rearm": 1900}, "voice.missed_calls": {"n": 3, "window": "2h"}}, off=["topup.completed"])
    wait_for(lambda: 1 in shown(cluster, 0), 30, "a shard goes on by version 1")
    change(parameters={"voice.silent": {"T": "2d"}, "topup.small_frequent": {"small": 5000, "n": 2}, "spend.day_step": {"step_1": 1000}})
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    for fault in faults:
        assert cluster.start(*arguments, "--instance", "one", environment={**slow, "FAULT": fault}).wait(60) == -signal.SIGKILL
    worker = cluster.start(*arguments, "--instance", "one", environment=slow)
    last = len(cluster.workers) - 1
    cluster.wait_worked_off()
    change(parameters={"voice.missed_calls": {"n": 4}}, on=["topup.completed"], off=["data.heavy_day"])
    wait_for(lambda: shown(cluster, last) == [3] * cluster.partitions, 30, "all shards go on by version 3")
    asyncio.run(produce(cluster.bootstrap, [(f"{cluster.app}.control", 0, b"V/4", b"{"), (f"{cluster.app}.control", 0, b"V/9", b"null")]))
    wait_for(lambda: "kairos_settings_ignored 2.0" in cluster.ask(last, "/metrics"), 30, "bad records are counted")
    assert "ok, but settings: 2 ignored" in cluster.ask(last, "/readyz")
    worker.send_signal(signal.SIGSTOP)  # what is read in pieces as it comes has the order of its arrival, which no replay knows
    cluster.produce((record.topic, None, record.key, record.value) for record in records[half:])
    worker.send_signal(signal.SIGCONT)
    asyncio.run(control.rollback(builder, settings, 0, why="a test", by="ann"))
    cluster.wait_worked_off()
    wait_for(lambda: shown(cluster, last) == [4] * cluster.partitions, 30, "all shards go on by version 4")
    assert cluster.end()[-1] == 0
    history = asyncio.run(control.read(settings))
    assert [version.version for version in history.versions] == [1, 2, 3, 4]
    check(cluster, reference, history)


def check(cluster, reference, history):
    """The events and the state are those of the oracle, shard by shard."""
    cuts, held = heads_and_rows(cluster)
    by_place: dict[tuple[str, int], list[Any]] = {}
    for record in sorted(asyncio.run(read_all(cluster.bootstrap, TOPICS)), key=lambda record: record.offset):
        by_place.setdefault((record.topic, record.partition), []).append(record)
    parameters = {0: {}, **{version.version: version.parameters for version in history.versions}}
    given = {"clock": "records", "reference": reference, "only": ONLY}
    builds = {version: shard_builder(load({**given, "events": own}, environ={}))[0] for version, own in parameters.items()}
    expected: Counter[str] = Counter()
    differing, versions = 0, set()
    for partition in range(cluster.partitions):
        segments = cuts[partition]
        assert [version for version, _ in segments] == sorted({version for version, _ in segments}), "versions of a shard never fall"
        versions |= {version for version, _ in segments}
        events, rows, needed = replayed(partition, builds, history, segments, by_place)
        expected.update(events)
        mine = {key: value for (number, key), value in held.items() if number == partition}
        assert needed <= mine.keys() <= rows.keys()
        differing += sum(rows[key] != value for key, value in mine.items())
    assert differing == 0
    assert versions >= {0, 1, 4}, "changed under lag, and taken back under lag"
    found = Counter(json.dumps(event, sort_keys=True) for event in cluster.events())
    assert found - expected == expected - found == Counter()
    named = {json.loads(text)["data"]["settings_version"] for text in found}
    assert 0 in named
    assert len(named) >= 3
    assert named <= versions
    assert {line["version"] for line in lines(cluster, "settings applied")} <= versions
    assert all(line["by"] == "ann" for line in lines(cluster, "settings changed"))


def heads_and_rows(cluster):
    """By partition, each version with the offsets up to which it was in force; and the rows of the state as they are held."""
    cuts: dict[int, list[tuple[int, dict[str, int]]]] = {}
    held: dict[tuple[int, bytes], bytes] = {}
    for record in sorted(asyncio.run(read_all(cluster.bootstrap, [f"{cluster.app}.state"])), key=lambda record: record.offset):
        if record.key == HEAD_KEY:
            head = msgspec.json.decode(record.value, type=Head)
            segments = cuts.setdefault(record.partition, [])
            if segments and segments[-1][0] == (head.settings_version or 0):
                segments.pop()
            segments.append((head.settings_version or 0, head.offsets))
        if split_key(record.key)[0] not in ABOUT:
            if record.value is None:
                held.pop((record.partition, record.key), None)
            else:
                held[record.partition, record.key] = record.value
    return cuts, held


def replayed(partition, builds, history, segments, by_place):
    """The events and rows of a shard: each part of its records by definitions that were loaded with `--set`, on the state that the part before has left."""
    events: list[str] = []
    rows: dict[bytes, bytes] = {}
    begins = dict.fromkeys(TOPICS, 0)
    for version, ends in segments:
        values = history.at(version)
        shard = builds[version](partition)
        shard.engine.swept = 2**62
        shard.restore(list(rows.items()))
        shard.restored()
        shard.engine.swept = 2**62
        for topic in TOPICS:
            own = [record for record in by_place.get((topic, partition), ()) if begins[topic] <= record.offset < ends.get(topic, 0)]
            shard.feed(topic, [r.offset for r in own], [r.key for r in own], [r.value for r in own], next_offset=ends.get(topic, 0), caught_up=True)
        steps = list(shard.migration(100_000))
        while (step := shard.step(None, 100_000)) is not None:
            steps.append(step)
        for step in steps:
            for key, value in step.rows:
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
            for event in (json.loads(message.value) for message in step.events):
                if values is None or event["data"]["event"] not in values.off:
                    event["data"]["settings_version"] = version
                    events.append(json.dumps(event, sort_keys=True))
        begins = {topic: ends.get(topic, 0) for topic in TOPICS}
    needed = set(rows)
    for table in shard.engine.state.tables.values():
        table.sweep(shard.clock, shard.engine.admission.latest_times())
        dropped = set(table.dropped_keys().texts())
        parts = [*table.parts, *(follower.part_name for follower in table.followers)]
        needed -= {key for key in rows if split_key(key)[0] in parts and split_key(key)[1] in dropped}
    return events, {key: value for key, value in rows.items() if split_key(key)[0] not in ABOUT}, {key for key in needed if split_key(key)[0] not in ABOUT}
