"""On a real broker: `kairos status` with no worker and with one, and what a worker reports of latency, its group and traces."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError
from aiokafka.protocol.commit import OffsetFetchRequest

from schemas.raw import TOPICS
from streams.cli.demo import free_port
from streams.kafka.bystander import Bystander
from streams.kafka.contact import Contact
from streams.kafka.status import overview
from streams.metrics import Metrics
from streams.settings import load
from tests.broker.kafka import read_all
from tests.broker.test_bad_input import kairos
from tests.broker.test_causes import ready
from tests.broker.test_operations import charge
from tests.broker.test_outage import answer, wait_for
from tests.broker.workers import OUTPUTS
from tests.cli.test_json import documented, keys_of
from tests.collector import collector

pytestmark = pytest.mark.broker
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def status(cluster, *arguments):
    done = kairos("status", "--brokers", cluster.bootstrap, "--app", cluster.app, *arguments)
    assert not done.stderr
    return done.returncode, done.stdout


def status_json(cluster, *arguments):
    code, text = status(cluster, "--json", *arguments)
    return code, json.loads(text)


def produce(cluster, records):
    async def send():
        producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
        await producer.start()
        try:
            for (topic, partition, key, value), headers in records:
                await producer.send_and_wait(topic, value, key=key, partition=partition, headers=headers)
        finally:
            await producer.stop()

    asyncio.run(send())


def unowned(cluster):
    metrics = Metrics()
    Bystander(load({"brokers": cluster.bootstrap, "app": cluster.app}, environ={}), cluster.partitions, metrics, Contact()).look()
    return {topic: metrics.registry.get_sample_value("kairos_unowned_lag_records", {"topic": topic}) for topic in TOPICS}


def reports(cluster, port, version):
    """A worker's metrics and its first line say what runs."""
    metrics = answer(port, "/metrics")[1]
    assert 'kairos_member_state{state="stable"} 1.0' in metrics
    assert 'kairos_member_state{state="joining"} 0.0' in metrics
    assert 'kairos_event_latency_seconds_count{family="balance"}' in metrics
    assert 'kairos_unowned_lag_records{topic="raw.usage"} 0.0' in metrics
    starts = next(json.loads(line) for line in cluster.logs().splitlines() if '"worker starts"' in line)
    assert starts["version"] == version
    assert starts["changed"]["instance"] == "first"
    assert "compression" not in starts["changed"]


def carries_traces(cluster):
    """The events have the trace context of their triggers, where it is valid."""
    events = asyncio.run(read_all(cluster.bootstrap, OUTPUTS))
    traced = {json.loads(event.value)["data"]["customer_id"]: {name: value for name, value in event.headers if "trace" in name} for event in events}
    own = {"traceparent": PARENT, "tracestate": b"a=1"}
    assert traced == {"C1": {}, "C2": {**own, **{f"ce_{name}": value for name, value in own.items()}}, "C3": {}}


def while_the_coordinator_loads(cluster, monkeypatch):
    """What is committed, where the first answer about offsets is that of a coordinator that is still loading them."""
    send, answers = AIOKafkaAdminClient._send_request, [SimpleNamespace(error_code=CoordinatorLoadInProgressError.errno, topics=[])]

    async def loading(client, request, node_id=None):
        return answers.pop() if isinstance(request, OffsetFetchRequest) and answers else await send(client, request, node_id)

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaAdminClient, "_send_request", loading)
        seen = asyncio.run(overview(load({"brokers": cluster.bootstrap, "app": cluster.app}, environ={})))
    assert not answers
    return {place.topic: sum(one.committed or 0 for one in seen.places if one.topic == place.topic) for place in seen.places}


def test_status_with_no_worker_with_one_and_after_it(cluster, monkeypatch):
    produce(cluster, [(charge(0), []), (charge(1, "C2"), [("traceparent", PARENT), ("tracestate", b"a=1")]), (charge(2, "C3"), [("traceparent", b"nonsense")])])
    code, seen = status_json(cluster)
    assert (code, seen["ok"], seen["group"]["members"], seen["workers"], seen["latency_s"]) == (1, False, [], [], None)
    assert seen["topics"] == [{"topic": topic, "committed": 0, "end": 3 * (topic == "raw.billing"), "lag": 3 * (topic == "raw.billing")} for topic in TOPICS]
    assert len(seen["problems"]) == 2
    assert seen["problems"][0] == f"the group {cluster.app} has no member: no worker runs"
    assert "raw.billing: no worker holds partition" in seen["problems"][1]
    assert "3 records wait" in seen["problems"][1]
    assert unowned(cluster) == {**dict.fromkeys(TOPICS, 0), "raw.billing": 3}
    code, text = status(cluster)
    assert code == 1
    assert "has no member" in text

    worker, port = ready(cluster, "--instance", "first")
    cluster.wait_worked_off()
    address = f"http://127.0.0.1:{port}"
    wait_for(lambda: status(cluster, "--worker", address)[0] == 0, 30, "all is well")
    code, seen = status_json(cluster, "--worker", address)
    assert (code, seen["ok"], seen["problems"]) == (0, True, [])
    assert keys_of(seen) == documented("kairos status --json")
    (member,) = seen["group"]["members"]
    assert member["member"].startswith("first")
    assert member["shards"] == [0, 1, 2, 3]
    assert {one["owner"] for one in seen["partitions"]} == {member["member"]}
    assert len(seen["partitions"]) == 4 * cluster.partitions
    assert [(one["version"] is not None, one["ready"], one["state"], one["rules_off"]) for one in seen["workers"]] == [(True, True, "stable", {})]
    assert 0 < seen["latency_s"]["p50"] <= seen["latency_s"]["p99"]
    assert unowned(cluster) == dict.fromkeys(TOPICS, 0)
    text = status(cluster, "--worker", address)[1]
    for word in ("first", "raw.network", "all is well", "stable", "half within"):
        assert word in text
    reports(cluster, port, seen["workers"][0]["version"])
    carries_traces(cluster)

    nobody = f"http://127.0.0.1:{free_port()}"
    code, seen = status_json(cluster, "--worker", address, "--worker", nobody)
    assert code == 1
    assert len(seen["problems"]) == 1
    assert seen["problems"][0].startswith(f"worker {nobody}: no answer: ")
    worker.kill()
    worker.wait()
    wait_for(lambda: status_json(cluster)[1]["group"]["members"] == [], 60, "the session to end")
    assert while_the_coordinator_loads(cluster, monkeypatch) == {one["topic"]: one["committed"] for one in status_json(cluster)[1]["topics"]}
    code, seen = status_json(cluster)
    assert code == 1
    assert len(seen["problems"]) == 1, "no records wait"
    assert {one["owner"] for one in seen["partitions"]} == {None}


def test_missing_topics_and_a_missing_broker(cluster):
    async def delete():
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        await admin.delete_topics(["raw.usage"])
        while "raw.usage" in await admin.list_topics():
            await asyncio.sleep(0.05)
        await admin.close()

    asyncio.run(delete())
    code, seen = status_json(cluster)
    assert code == 1
    assert seen["problems"][0] == "raw.usage is missing, or not shown to this user: create it with 'kairos topics --create', or grant DESCRIBE on it"
    nobody_there = kairos("status", "--brokers", f"127.0.0.1:{free_port()}", "--json")
    assert (nobody_there.returncode, nobody_there.stdout) == (2, "")
    assert "no Kafka broker answers" in nobody_there.stderr
    assert len(nobody_there.stderr.splitlines()) == 1


def test_plan_and_topics_as_documents(cluster):
    made = kairos("topics", "--json", "--create", "--brokers", cluster.bootstrap, "--app", "app-other")
    document = json.loads(made.stdout)
    assert (made.returncode, made.stderr) == (0, ""), made.stdout
    assert keys_of(document) == documented("kairos topics --json")
    assert (document["ok"], document["partitions"], document["faults"]) == (True, cluster.partitions, [])
    assert "app-other.state" in document["topics"]
    assert "created app-other.state" in document["done"]
    faulty = kairos("topics", "--json", "--brokers", cluster.bootstrap, "--app", "app-third")
    document = json.loads(faulty.stdout)
    assert (faulty.returncode, document["ok"], document["partitions"]) == (2, False, None)
    assert "app-third.state is missing" in document["faults"][0]
    cluster.produce([charge(0)])
    worker, _ = ready(cluster)
    cluster.wait_worked_off()
    worker.terminate()
    worker.wait(30)
    planned = kairos("plan", "--json", "--brokers", cluster.bootstrap, "--app", cluster.app)
    document = json.loads(planned.stdout)
    assert planned.returncode == 0
    assert keys_of(document) == documented("kairos plan --json")
    assert document["ok"]
    assert {column["becomes"] for column in document["columns"]} == {"carried"}
    assert sum(column["rows"] for column in document["columns"] if "balance.low" in column["events"]) > 0
    assert keys_of(status_json(cluster)[1]) <= documented("kairos status --json")


def test_a_worker_sends_its_transactions_as_spans_and_ends_in_time(cluster):
    with collector() as traces:
        produce(cluster, [(charge(0), [("traceparent", PARENT)])])
        ready(cluster, environment={"KAIROS_OTEL_ENDPOINT": traces.url})
        cluster.wait_worked_off()
        assert cluster.end() == [0]
    spans = [span for _, request in traces.got for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    (event,) = [span for span in spans if span.name == "kairos.event"]
    linked = [span for span in spans if span.name == "kairos.transaction" and any(link.trace_id == event.trace_id for link in span.links)]
    assert event.trace_id.hex() in PARENT.decode()
    assert len(linked) == 1
    assert {pair.key: pair.value.int_value for pair in linked[0].attributes}["kairos.events"] == 1
    (published,) = asyncio.run(read_all(cluster.bootstrap, OUTPUTS))
    headers = dict(published.headers)
    assert headers["ce_traceparent"] == PARENT
    assert event.span_id.hex() in headers["traceparent"].decode()
