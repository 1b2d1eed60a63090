"""On a real broker: what an operator does to live state: plan a deployment, erase a customer."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.broker.kafka import read_all
from tests.broker.test_bad_input import kairos
from tests.broker.workers import PROJECT
from tests.streams.records import good

pytestmark = pytest.mark.broker


def charge(number, customer="C1", delta=-600):
    fields = {"customer_id": customer, "account_id": f"A{customer}", "subscription_id": f"S{customer}", "event_time": 1_777_599_072_000 + number * 60_000}
    return ("raw.billing", None, customer.encode(), json.dumps(good("balance_change", record_id=f"r{number}", delta=delta, balance_after=900, **fields)).encode())


def keys_of(cluster):
    held = {}
    for record in asyncio.run(read_all(cluster.bootstrap, [f"{cluster.app}.state"])):
        held[record.partition, record.key] = record.value
    return {key for (_, key), value in held.items() if value is not None}


def test_a_plan_shows_what_a_deployment_would_do_and_writes_nothing(cluster, tmp_path):
    cluster.produce([charge(0), charge(1, "C2")])
    cluster.start()
    cluster.wait_worked_off()
    assert cluster.end() == [0]
    before = keys_of(cluster)
    mine = tmp_path / "mine" / "balance"
    mine.mkdir(parents=True)
    text = (PROJECT / "events" / "balance" / "rapid_drop.py").read_text().replace("class RapidDrop(Event", "class Quick(Event")
    (mine / "quick.py").write_text(text)
    same = kairos("plan", "--brokers", cluster.bootstrap, "--app", cluster.app)
    assert same.returncode == 0, same.stderr
    assert "new:" not in same.stdout
    assert "carried:" in same.stdout
    more = kairos("plan", "--brokers", cluster.bootstrap, "--app", cluster.app, "--definitions", str(tmp_path / "mine"))
    assert more.returncode == 0, more.stderr
    assert "new:" in more.stdout
    assert "balance.quick" in more.stdout
    longer = kairos("plan", "--brokers", cluster.bootstrap, "--app", cluster.app, "--set", "balance.rapid_drop.window=7200000")
    assert longer.returncode == 0, longer.stderr
    assert "reaches back to" in " ".join(longer.stdout.split())
    assert keys_of(cluster) == before
    nobody = kairos("plan", "--brokers", cluster.bootstrap, "--app", "nobody")
    assert nobody.returncode == 2
    assert "nobody.state is missing" in nobody.stderr


def test_an_erased_customer_leaves_no_row_and_the_worker_that_owned_the_shard_ends(cluster):
    cluster.produce([charge(0), charge(1, "C2"), charge(2, "C1")])
    worker = cluster.start()
    cluster.wait_worked_off()
    receipt = kairos("erase", "C1", "--brokers", cluster.bootstrap, "--app", cluster.app)
    assert receipt.returncode == 0, receipt.stderr
    assert "rows and" in receipt.stdout
    assert "C1" not in receipt.stdout
    left = keys_of(cluster)
    assert not any(b"C1" in key for key in left)
    assert any(b"C2" in key for key in left)
    cluster.produce([charge(number, "C1") for number in range(10, 13)])
    assert worker.wait(30) == 70
    assert "another worker has taken over" in cluster.logs()
    cluster.start()
    cluster.wait_worked_off()
    assert any(b"C1" in key for key in keys_of(cluster)), "a later record makes new state"
    again = kairos("erase", "NOBODY", "--brokers", cluster.bootstrap, "--app", cluster.app)
    assert "none was found, nothing was written" in again.stdout
