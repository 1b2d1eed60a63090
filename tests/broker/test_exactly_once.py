"""On a real broker: what the worker commits is what a replay of the same input gives, even if the worker is killed or replaced."""

from __future__ import annotations

import signal
import time

import pytest

from streams.simulation.city import City
from tests.broker.workers import replayed

pytestmark = pytest.mark.broker
MIDNIGHT_MS = 1_777_564_800_000
DAYS = 12


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Twelve days of a small city: records, and the files they and their reference data are in."""
    folder = tmp_path_factory.mktemp("city")
    town = City(7, 260, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    records = list(town.records(DAYS))
    (folder / "city.jsonl").write_bytes(b"\n".join(record.value for record in records))
    return records, folder / "city.jsonl", folder / "reference", replayed(folder / "city.jsonl", folder / "reference")


def load(cluster, city):
    records, _, reference, expected = city
    cluster.produce((record.topic, None, record.key, record.value) for record in records)
    return ["--reference", str(reference)], expected


def test_a_backlog_of_four_topics_becomes_exactly_the_events_of_a_replay(cluster, city):
    arguments, expected = load(cluster, city)
    cluster.start(*arguments)
    cluster.wait_worked_off()
    assert cluster.ids() == expected
    assert expected.total() > 500
    assert len({event["data"]["event"] for event in cluster.events()}) >= 20
    assert cluster.dead_letters() == []
    assert cluster.end() == [0]


def test_an_application_that_never_ran_gets_its_changelog_and_serves_its_metrics(cluster, city):
    import urllib.request

    from streams.cli.demo import free_port

    records, _, reference, expected = city
    cluster.produce((record.topic, None, record.key, record.value) for record in records)
    cluster.app = "app-never-ran"
    port = free_port()
    cluster.start("--reference", str(reference), "--metrics-port", str(port))
    cluster.wait_worked_off()
    assert cluster.ids() == expected
    get = lambda path: urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read().decode()
    assert get("/healthz") == get("/readyz") == "ok\n"
    lines = get("/metrics").splitlines()
    assert sum(float(line.split()[-1]) for line in lines if line.startswith("kairos_detections_total")) == expected.total()
    assert sum(float(line.split()[-1]) for line in lines if line.startswith("kairos_records_in_total")) == len(records)
    for name in ("kairos_consumer_lag_records", "kairos_clock_seconds", "kairos_rows", "kairos_restore_seconds", "kairos_commit_seconds_count", "kairos_latency_seconds_count"):
        assert any(line.startswith(name) for line in lines), name
    assert not any("C1" in line or "+86" in line for line in lines)


def test_killed_in_the_middle_and_started_again_nothing_is_missing_and_nothing_twice(cluster, city):
    arguments, expected = load(cluster, city)
    kills = 0
    for _ in range(3):
        worker = cluster.start(*arguments, "--instance", "one")
        cluster.wait_begun()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        import asyncio

        kills += asyncio.run(cluster.lag()) > 0
    cluster.start(*arguments, "--instance", "one")
    cluster.wait_worked_off()
    assert kills >= 1, "the worker was never killed with backlog left"
    assert cluster.ids() == expected


def test_two_workers_share_the_partitions_and_one_leaves(cluster, city):
    arguments, expected = load(cluster, city)
    first = cluster.start(*arguments)
    second = cluster.start(*arguments)
    cluster.wait_begun()
    time.sleep(1)
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    cluster.wait_worked_off()
    assert cluster.ids() == expected
    assert first.poll() is None


def test_a_worker_that_joins_late_and_one_that_dies(cluster, city):
    arguments, expected = load(cluster, city)
    first = cluster.start(*arguments)
    cluster.wait_begun()
    cluster.start(*arguments)
    time.sleep(4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    cluster.wait_worked_off()
    assert cluster.ids() == expected
