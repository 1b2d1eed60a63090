"""On a real broker that goes away: the worker says so, is quiet about it, ends when it is asked to, and goes on when the broker is back."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections import Counter

import pytest

from streams.cli.demo import free_port
from tests.broker.kafka import BrokerMissing, KafkaBroker
from tests.broker.workers import Cluster
from tests.streams.records import good

pytestmark = pytest.mark.broker


@pytest.fixture
def alone(tmp_path):
    """A broker of this test alone, an application on it, and the port of its worker's /readyz."""
    broker = KafkaBroker(tmp_path / "broker")
    try:
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    cluster = Cluster(broker.bootstrap, tmp_path)
    cluster.fresh_topics()
    yield broker, cluster, free_port()
    for worker in cluster.workers:
        worker.kill()
    if broker.process is not None:
        broker.process.send_signal(signal.SIGCONT)
    broker.kill()


def answer(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answered:
            return answered.status, answered.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def age_of_contact(port):
    name = "kairos_broker_contact_age_seconds "
    return next(float(line.removeprefix(name)) for line in answer(port, "/metrics")[1].splitlines() if line.startswith(name))


def wait_for(holds, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def lines_of(cluster):
    return [json.loads(line) for line in cluster.logs().splitlines()]


def charge(number):
    return "raw.billing", 0, b"C1", json.dumps(good("balance_change", record_id=f"r{number}", delta=-3000, balance_after=10_000)).encode()


def test_an_idle_worker_says_that_its_broker_is_away_once_and_is_ready_again_by_itself(alone):
    broker, cluster, port = alone
    worker = cluster.start("--metrics-port", str(port), environment={"KAIROS_CONTACT_S": "3"})
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready at the start")
    before = len(lines_of(cluster))
    broker.process.send_signal(signal.SIGSTOP)
    _, why = wait_for(lambda: (found := answer(port, "/readyz"))[0] == 503 and found, 15, "unready while the broker is frozen")
    assert "has answered for" in why
    assert "contact_s" in why
    assert answer(port, "/healthz") == (200, "ok\n")
    wait_for(lambda: age_of_contact(port) > 3, 15, "the age of the last contact in /metrics")
    broker.process.send_signal(signal.SIGCONT)
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 30, "ready again after the broker thawed")
    broker.kill()
    wait_for(lambda: answer(port, "/readyz")[0] == 503, 15, "unready while the broker is away")
    time.sleep(10)
    flood = lines_of(cluster)[before:]
    assert len(flood) < 40, [line["message"] for line in flood]
    assert max(Counter((line["logger"], line["message"]) for line in flood).values()) <= 4
    broker.start()
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready again after the broker came back")
    cluster.produce([charge(1)])
    cluster.wait_worked_off()
    assert any(event["data"]["event"] == "balance.drop" for event in cluster.events())
    assert worker.poll() is None
    assert all(line["app"] == cluster.app for line in lines_of(cluster))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_without_its_broker_a_worker_ends_within_ten_seconds_of_sigterm(alone, how):
    broker, cluster, port = alone
    cluster.produce([charge(number) for number in range(50)])
    worker = cluster.start("--metrics-port", str(port))
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready at the start")
    cluster.wait_worked_off()
    cluster.produce([charge(number) for number in range(50, 60)])
    broker.process.send_signal(how)
    time.sleep(1)
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert time.monotonic() - asked < 10
    assert "Traceback" not in cluster.logs()
    endings = [line for line in lines_of(cluster) if line["message"] == "the worker ends without its broker"]
    assert len(endings) == 1
    assert "read again" in endings[0]["reason"]


def test_a_second_signal_ends_the_worker_at_once(alone):
    broker, cluster, port = alone
    worker = cluster.start("--metrics-port", str(port))
    wait_for(lambda: answer(port, "/readyz") == (200, "ok\n"), 60, "ready at the start")
    broker.process.send_signal(signal.SIGSTOP)
    worker.send_signal(signal.SIGTERM)
    time.sleep(1)
    asked = time.monotonic()
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 128 + signal.SIGINT
    assert time.monotonic() - asked < 3
    assert "Traceback" not in cluster.logs()
