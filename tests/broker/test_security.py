"""On a real broker with TLS listeners: every client of ours connects by SCRAM or by certificate; a refused one gets one line with the reason."""

from __future__ import annotations

import json
import os

import pytest

from tests.broker.kafka import BrokerMissing
from tests.broker.secure import PASSWORD, mutual, scram, secure_broker
from tests.broker.warm import KAIROS, run
from tests.broker.workers import PROJECT, Cluster
from tests.intake.test_decode import BAD
from tests.streams.records import good

pytestmark = pytest.mark.broker
CANARY = "8613912345678"


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A broker with a SASL_SSL listener (SCRAM) and an SSL listener that wants certificates, and the folder of those."""
    folder = tmp_path_factory.mktemp("secure")
    broker = secure_broker(folder)
    try:
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    yield broker, folder
    broker.stop()


@pytest.mark.parametrize(("listener", "environment"), [("SASL_SSL", scram), ("SSL", mutual)])
def test_the_worker_and_the_commands_can_connect(secure, tmp_path, listener, environment):
    broker, folder = secure
    address = f"127.0.0.1:{broker.listeners[listener][0]}"
    cluster = Cluster(broker.bootstrap, tmp_path)
    cluster.fresh_topics()
    cluster.produce([("raw.billing", 0, b"C1", json.dumps(good("balance_change", delta=-3000, balance_after=10_000)).encode())])
    cluster.start(brokers=address, environment=environment(folder))
    cluster.wait_worked_off()
    assert "balance.drop" in {event["data"]["event"] for event in cluster.events()}
    assert cluster.end() == [0]
    done = kairos("topics", "--brokers", address, "--app", cluster.app, **environment(folder))
    assert "4 partitions each" in done.stdout, done.stderr
    done = kairos("plan", "--brokers", address, "--app", cluster.app, **environment(folder))
    assert done.returncode == 0, done.stderr
    done = kairos("erase", "C1", "--brokers", address, "--app", cluster.app, **environment(folder))
    assert "rows and" in done.stdout, done.stderr
    assert PASSWORD not in cluster.logs()


def kairos(*arguments, **environment):
    command = [*KAIROS, *arguments]
    return run(command, timeout=60, cwd=PROJECT, env={**os.environ, **environment})


def test_a_wrong_password_an_unknown_authority_and_no_certificate_are_reported_in_one_line(secure):
    broker, folder = secure
    cases = [
        ("SASL_SSL", scram(folder, "wrong")),
        ("SASL_SSL", {**scram(folder), "KAIROS_CA_FILE": str(folder / "stranger.pem")}),
        ("SSL", {"KAIROS_SECURITY": "ssl", "KAIROS_CA_FILE": str(folder / "ca.pem")}),
        ("SASL_SSL", {}),
    ]
    for listener, environment in cases:
        done = kairos("worker", "--brokers", f"127.0.0.1:{broker.listeners[listener][0]}", **environment)
        lines = [line for line in done.stderr.splitlines() if line.startswith("kairos: ")]
        assert done.returncode == 2, done.stderr
        assert len(lines) == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert "battery-staple" not in done.stderr
    beyond = kairos("worker", "--brokers", "kafka.example:9092")
    assert beyond.returncode == 2
    assert "wanted ssl or sasl_ssl for kafka.example:9092, got plaintext" in beyond.stderr
    exposed = kairos("worker", "--config", str(exposing(folder)))
    assert exposed.returncode == 2
    assert "metrics_host: wanted a loopback address, or metrics_token_file as well" in exposed.stderr


def exposing(folder):
    file = folder / "exposed.toml"
    file.write_text('metrics_host = "0.0.0.0"\n')
    return file


def test_a_customers_number_is_in_no_line_the_worker_writes_even_after_errors(kafka, tmp_path):
    """A canary, at debug: broken records, refused records, failing transactions and the end."""
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    fields = {"msisdn": f"+{CANARY}", "customer_id": f"K{CANARY}", "subscription_id": f"S{CANARY}", "account_id": f"A{CANARY}"}
    key = fields["customer_id"].encode()
    whole = json.dumps(good("balance_change", delta=-3000, balance_after=10_000, **fields)).encode()
    broken = [
        whole[:-9],
        whole.replace(b'"schema_version":', b'"schema_version":"' + CANARY.encode() + b'","x":'),
        whole.replace(b"event_time", CANARY.encode()),
        whole + b"," + whole,
    ]
    bad = [value.replace(b"C1", key) if value else value for _, value in BAD]
    cluster.produce([("raw.billing", 0, key, value) for value in [whole, *broken, *bad, b'"' + CANARY.encode() * 200_000 + b'"']])
    try:
        cluster.start("--log-level", "debug")
        cluster.wait_worked_off()
        assert cluster.events()
        letters = cluster.dead_letters()
        assert len(letters) > len(broken)
    finally:
        assert cluster.end() == [0]
    assert CANARY not in cluster.logs()
    assert "shard restored" in cluster.logs()
    for letter in letters:
        assert all(CANARY.encode() not in value for _, value in letter.headers)
