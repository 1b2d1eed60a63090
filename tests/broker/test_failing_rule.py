"""On a real broker: a rule that raises is named in the log, the metrics and /readyz; its records go on for the others."""

from __future__ import annotations

import json
import time
import urllib.request

import pytest

from tests.broker.test_operations import charge
from tests.faults.test_input_faults import definitions

pytestmark = pytest.mark.broker


def lines(cluster, message):
    found = [json.loads(line) for line in cluster.logs().splitlines() if line.startswith("{")]
    return [line for line in found if line["message"] == message]


def asked(cluster, page):
    address = lines(cluster, "worker starts")[-1]["metrics"]
    with urllib.request.urlopen(f"http://{address}/{page}", timeout=10) as answer:
        return answer.read().decode()


def waited_for(cluster, page, what, seconds=60):
    deadline = time.monotonic() + seconds
    while what not in (text := asked(cluster, page)):
        assert time.monotonic() < deadline, f"{what} is not in {text}\n{cluster.logs()[-3000:]}"
        time.sleep(0.2)
    return text


def test_a_rule_that_is_shut_off_is_named_and_other_rules_evaluate_its_records(cluster, tmp_path):
    where = definitions(tmp_path, "if (values == -777).any(): raise ValueError('+8613912345678')")
    cluster.produce([charge(0, delta=-2500), charge(1, delta=-777), charge(300, delta=-2600)])
    cluster.start("--definitions", where)
    cluster.wait_worked_off()
    text = waited_for(cluster, "readyz", "balance.poison")
    assert text.startswith("ok, but shard ")
    assert "balance.poison is shut off: ValueError at poison.py:" in text
    metrics = asked(cluster, "metrics")
    assert 'kairos_rule_off{event="balance.poison",partition=' in metrics
    assert 'kairos_rule_failures_total{event="balance.poison"} 1.0' in metrics
    (line,) = lines(cluster, "a rule raises and is shut off")
    assert (line["events"], line["error"], line["topic"], line["offset"]) == (["balance.poison"], "ValueError", "raw.billing", 1)
    assert "13912345678" not in cluster.logs()
    assert cluster.dead_letters() == []
    assert [event["data"]["trigger"]["record_id"] for event in cluster.events() if event["data"]["event"] == "balance.drop"] == ["r0", "r300"]


def test_a_rule_that_cannot_run_refuses_the_start(cluster, tmp_path):
    worker = cluster.start("--definitions", definitions(tmp_path, "raise ValueError('no')"))
    assert worker.wait(60) == 2
    assert "balance/poison.py: balance.poison: wanted a rule that runs on any valid record, got ValueError: no" in cluster.logs()
    cluster.workers.clear()


def test_only_selected_events_are_published(cluster):
    cluster.produce([charge(0, delta=-2500)])
    cluster.start("--only", "balance.low", "--only", "balance.rapid_drop")
    cluster.wait_worked_off()
    assert [event["data"]["event"] for event in cluster.events()] == ["balance.low"]
