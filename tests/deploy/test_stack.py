"""The parts of the compose stack together: events flow, targets are up, nothing fires; a killed worker fires its alert and recovers."""

from __future__ import annotations

import asyncio

import pytest

from streams.definitions.catalogue import Catalogue
from streams.emit import PREFIX
from tests.broker.kafka import BrokerMissing, read_all
from tests.deploy.stack import WORKERS, Stack

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    try:
        running = Stack(tmp_path_factory.mktemp("stack"), hurry=True).__enter__()
    except BrokerMissing as missing:
        pytest.skip(f"left out: the whole stack: {missing}")
    yield running
    running.close()


def test_events_are_published_targets_are_up_and_no_alert_fires(stack):
    stack.wait("both workers", lambda: all(map(stack.ready, WORKERS)))
    stack.wait("events counted by Prometheus", lambda: sum(stack.query("sum(kairos_detections_total)").values()) > 50)
    stack.wait("lag worked off", lambda: sum(stack.query("sum(kairos_consumer_lag_records)").values()) < 100)
    assert sorted(stack.query('up{job="kairos"}').values()) == [1, 1]
    stack.wait("no alert", lambda: not stack.firing())
    topics = [PREFIX + family for family in Catalogue.load().families]
    assert len(asyncio.run(read_all(stack.broker.bootstrap, topics))) > 50


def test_every_name_in_rules_and_dashboards_is_exposed_by_the_workers(stack):
    from tests.deploy.names import exposed_names, used_names

    stack.wait("both workers", lambda: all(map(stack.ready, WORKERS)))
    there = exposed_names(f"{stack.url(WORKERS[0])}/metrics", "stack") | exposed_names(f"{stack.url(WORKERS[1])}/metrics", "stack")
    assert used_names() <= there


def test_a_killed_worker_fires_its_alert_alone_and_recovers(stack):
    stack.wait("no alert", lambda: not stack.firing())
    stack.kill(WORKERS[1])
    stack.wait("the alert", lambda: "KairosWorkerDown" in stack.firing())
    assert stack.firing() == {"KairosWorkerDown"}
    stack.start_worker(WORKERS[1])
    stack.wait("recovery", lambda: stack.ready(WORKERS[1]) and not stack.firing())
    stack.wait("lag worked off", lambda: sum(stack.query("sum(kairos_consumer_lag_records)").values()) < 100)
