"""Metrics have Prometheus' names and no customer; health and readiness say why not."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter

import pytest

from events.stories import charge, topup
from streams.metrics import Metrics, Server, Status
from streams.promises import promises
from streams.settings import SettingsError
from tests.shards import CATALOGUE, Bench


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def served():
    metrics, status = Metrics(), Status()
    server = Server(metrics, status, "127.0.0.1", 0)
    yield metrics, status, server.port
    server.close()


def test_a_step_is_counted_by_event_type_and_reason(served):
    metrics, _, port = served
    bench = Bench()
    repeated = topup(0, 1000)
    bench.feed([charge(1200, 900), repeated, repeated, topup(0, 1000, "09:59")])
    bench.shard.feed("raw.usage", [0], [b"C1"], [b"{"], next_offset=1, caught_up=True)
    bench.drain()
    for step in bench.steps:
        metrics.step(step)
    text = get(port, "/metrics")[1]
    for line in (
        'kairos_detections_total{event="balance.low"} 1.0',
        'kairos_records_in_total{record_type="balance_change",topic="raw.billing"} 4.0',
        'kairos_late_records_total{record_type="balance_change",topic="raw.billing"} 1.0',
        'kairos_rejects_total{reason="bad_json"} 1.0',
        "kairos_duplicate_records_total 1.0",
    ):
        assert line in text
    for name in ("stale_events_total", "batch_seconds_bucket", "commit_seconds_bucket", "latency_seconds_bucket"):
        assert f"kairos_{name}" in text
    assert "C1" not in text


def test_a_promise_is_shown_and_its_event_counted_from_zero_on(served):
    metrics, _, port = served
    metrics.promise(promises(CATALOGUE, {"balance.low": "15-30 per 1,000 customers a day"}), ["balance.drop"])
    metrics.step(Bench().shard.advance(0)._replace(counters=Counter({"valved.balance.drop": 3, "stale": 2})))
    text = get(port, "/metrics")[1]
    for line in (
        'kairos_expected_rate{bound="low",event="balance.low"} 0.015',
        'kairos_expected_rate{bound="high",event="balance.low"} 0.03',
        'kairos_detections_total{event="balance.low"} 0.0',
        'kairos_events_valved_total{event="balance.drop"} 3.0',
        "kairos_stale_events_total 2.0",
    ):
        assert line in text
    assert 'kairos_detections_total{event="balance.depleted"}' not in text


def test_health_and_readiness(served):
    _, status, port = served
    assert get(port, "/healthz") == (200, "ok\n")
    assert get(port, "/readyz") == (503, "starting\n")
    status.waiting = lambda: None
    assert get(port, "/readyz") == (200, "ok\n")
    status.unwell = "shard 3: Fenced"
    assert get(port, "/healthz") == (503, "shard 3: Fenced\n")
    assert get(port, "/tables")[0] == 404


def test_with_a_token_the_metrics_are_for_its_bearer_alone():
    import urllib.error
    import urllib.request

    server = Server(Metrics(), Status(), "127.0.0.1", 0, "hush")
    try:
        address = f"http://127.0.0.1:{server.port}/metrics"
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=5)
            assert refused.value.code == 401
        allowed = urllib.request.Request(address, headers={"Authorization": "Bearer hush"})
        assert urllib.request.urlopen(allowed, timeout=5).status == 200
        assert get(server.port, "/healthz") == (200, "ok\n")
    finally:
        server.close()


def test_a_port_in_use_or_out_of_range_is_reported_in_one_line(served):
    *_, port = served
    for wrong in (port, 65_536, -1):
        with pytest.raises(SettingsError, match=rf"metrics_port: wanted a free port from 0 to 65535 \(0: any\) on 127.0.0.1, got {wrong}: "):
            Server(Metrics(), Status(), "127.0.0.1", wrong)


def test_the_age_of_the_last_contact_is_read_at_every_scrape(served):
    metrics, _, port = served
    ages = iter((1.5, 2.5))
    metrics.watch(lambda: next(ages), lambda: 7.0)
    for age in (1.5, 2.5):
        text = get(port, "/metrics")[1]
        assert f"kairos_broker_contact_age_seconds {age}" in text
        assert "kairos_group_contact_age_seconds 7.0" in text


def test_ready_version_and_the_process_itself_are_measured(served):
    _, status, port = served
    assert "kairos_ready 0.0" in get(port, "/metrics")[1]
    status.waiting = lambda: None
    text = get(port, "/metrics")[1]
    assert "kairos_ready 1.0" in text
    assert 'kairos_build_info{version="' in text
    assert "process_resident_memory_bytes " in text
