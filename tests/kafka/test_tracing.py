"""The trace context of a raw record reaches the events that it causes, and only a valid one; spans say how long a transaction took."""

from __future__ import annotations

import random
import socket
import time
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from events.stories import call, charge
from schemas.raw import TOPICS
from streams.kafka.origins import Origin, Origins
from streams.kafka.raw_run import RawRun
from streams.kafka.spans import SEND_S, Spans, exporter
from streams.kafka.tracing import Tracing, context_of, tracing
from streams.metrics import Metrics
from streams.settings import Settings, SettingsError, load
from tests.collector import collector
from tests.shards import TOPIC_OF, Bench

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01".encode()
UNSAMPLED = f"00-{TRACE}-{SPAN}-00".encode()
NAMES = ("traceparent", "tracestate", "ce_traceparent", "ce_tracestate")


def origins_of(bench, headers):
    """The origins of `bench`'s records, the headers of billing record n being headers[n]."""
    origins = Origins()
    records = [SimpleNamespace(key=b"C1", value=b"{}", offset=n, timestamp=1_000 + n, headers=headers.get(n, ())) for n in range(bench.offsets["raw.billing"])]
    origins.remember("raw.billing", RawRun.of(records))
    return origins


def stepped(count=3):
    """A step of balances that fall below the limit, one event each, of different customers."""
    bench = Bench()
    bench.feed([charge(1200, 900, f"10:0{n}", customer_id=f"C{n}", subscription_id=f"S{n}", account_id=f"A{n}", record_id=f"r{n}") for n in range(count)])
    (step,) = bench.steps
    return bench, step


def trace_headers(message):
    return {name: value for name, value in message.headers if name in NAMES}


@pytest.mark.parametrize(
    ("parent", "valid"),
    [
        (GOOD, True),
        (UNSAMPLED, True),
        (f"00-{TRACE}-{SPAN}-ff".encode(), True),
        (f"cc-{TRACE}-{SPAN}-01".encode(), True),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later".encode(), True),
        (f"cc-{TRACE}-{SPAN}-01.later".encode(), False),
        (f"00-{TRACE}-{SPAN}-01-more".encode(), False),
        (f"00-{TRACE}-{SPAN}-01\n".encode(), False),
        (f"ff-{TRACE}-{SPAN}-01".encode(), False),
        (f"00-{'0' * 32}-{SPAN}-01".encode(), False),
        (f"00-{TRACE}-{'0' * 16}-01".encode(), False),
        (f"00-{TRACE.upper()}-{SPAN}-01".encode(), False),
        (f"00-{TRACE[:-1]}-{SPAN}-01".encode(), False),
        (f"00-{TRACE}-{SPAN}-1".encode(), False),
        (b"", False),
        (None, False),
        (b"\xff\xfe", False),
    ],
)
def test_a_traceparent_is_carried_only_when_it_is_valid(parent, valid):
    found = context_of((("other", b"x"), ("traceparent", parent)))
    assert (found is not None) == valid
    if found is not None:
        assert found.parent == parent


def test_two_traceparents_are_none():
    assert context_of((("traceparent", GOOD), ("traceparent", GOOD))) is None


@pytest.mark.parametrize(
    ("states", "carried"),
    [
        ([], None),
        ([b"congo=t61rcWkgMzE"], b"congo=t61rcWkgMzE"),
        ([b"rojo=00f067aa0ba902b7 ,\tcongo=t61", b"fw529a3039@dt=FfAaz"], b"rojo=00f067aa0ba902b7,congo=t61,fw529a3039@dt=FfAaz"),
        ([b"a=1,,b=2"], b"a=1,b=2"),
        ([b"a=1,a=2"], None),
        ([b"A=1"], None),
        ([b"a"], None),
        ([b"a=1=2"], None),
        ([b"a=" + b"v" * 256], b"a=" + b"v" * 256),
        ([b"a=" + b"v" * 257], None),
        ([b",".join(b"k%d=v" % n for n in range(32))], b",".join(b"k%d=v" % n for n in range(32))),
        ([b",".join(b"k%d=v" % n for n in range(33))], None),
        ([b"a=1", None], None),
        ([b""], None),
    ],
)
def test_a_tracestate_is_carried_only_when_it_is_valid_and_never_costs_the_traceparent(states, carried):
    found = context_of((("traceparent", GOOD), *(("tracestate", state) for state in states)))
    assert found.parent == GOOD
    assert found.state == carried


def test_a_tracestate_alone_is_nothing():
    assert context_of((("tracestate", b"a=1"),)) is None


def test_every_event_has_the_context_of_its_own_trigger():
    bench, step = stepped()
    assert [place for place in step.triggers if place is not None] == [("raw.billing", n) for n in range(3)]
    headers = {0: (("traceparent", GOOD), ("tracestate", b"a=1")), 2: (("traceparent", b"nonsense"), ("tracestate", b"a=1"))}
    with Tracing().transaction(0, step, origins_of(bench, headers).of(step.triggers), None) as traced:
        assert [trace_headers(event) for event in traced.events] == [
            {"traceparent": GOOD, "tracestate": b"a=1", "ce_traceparent": GOOD, "ce_tracestate": b"a=1"},
            {},
            {},
        ]
        assert [event.value for event in traced.events] == [event.value for event in step.events]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_trigger_of_every_event_is_the_record_that_the_event_names_for_any_batches(seed):
    chance, bench, records = random.Random(seed), Bench(), {topic: [] for topic in TOPICS}
    for minute in range(40):
        who = {name: f"{name[0]}{chance.randint(1, 5)}" for name in ("customer_id", "account_id", "subscription_id")}
        made = chance.choice((charge(1200, 900, f"10:{minute:02d}", **who), call(f"10:{minute:02d}", **who), charge(900, 800, f"10:{minute:02d}", **who)))
        records[TOPIC_OF[made["record_type"]]].append({**made, "record_id": f"r{minute}"})
    for topic, own in records.items():
        offsets = [10 + 3 * n for n in range(len(own))]
        values = [orjson.dumps(record) for record in own]
        bench.shard.feed(topic, offsets, [record["customer_id"].encode() for record in own], values, next_offset=10 + 3 * len(own), caught_up=True)
    bench.drain(chance.choice((1, 7, 1000)))
    events = 0
    for step in bench.steps:
        for event, place in zip([*step.events, *step.missed], step.triggers, strict=True):
            trigger = orjson.loads(event.value)["data"]["trigger"]
            assert (trigger is None) == (place is None)
            if trigger is not None:
                events += 1
                assert records[place[0]][(place[1] - 10) // 3]["record_id"] == trigger["record_id"]
    assert events


def test_without_any_trace_the_step_is_committed_as_it_is():
    bench, step = stepped()
    with Tracing().transaction(0, step, origins_of(bench, {}).of(step.triggers), None) as traced:
        assert traced is step


def test_a_missed_event_has_its_context_too():
    _, step = stepped(2)
    moved = step._replace(events=step.events[:1], missed=step.events[1:])
    with Tracing().transaction(0, moved, [None, Origin(1, (("traceparent", GOOD),))], None) as traced:
        assert trace_headers(traced.events[0]) == {}
        assert trace_headers(traced.missed[0])["traceparent"] == GOOD


@pytest.fixture
def spans():
    memory = InMemorySpanExporter()
    made = Spans(Settings(app="app-1"), memory)
    yield made, memory
    made.close()


def finished(made, memory):
    made.provider.force_flush()
    return {span.name: [one for one in memory.get_finished_spans() if one.name == span.name] for span in memory.get_finished_spans()}


def test_a_transaction_is_a_span_linked_to_its_triggers_and_an_event_a_child_of_its_trigger(spans):
    made, memory = spans
    bench, step = stepped()
    origins = origins_of(bench, {1: (("traceparent", GOOD), ("tracestate", b"a=1"))})
    since = origins.since_ns(step.offsets)
    with made.transaction(7, step, origins.of(step.triggers), since) as traced:
        published = trace_headers(traced.events[1])
        assert [trace_headers(event) for event in (traced.events[0], traced.events[2])] == [{}, {}]
    found = finished(made, memory)
    (whole,), (event,) = found["kairos.transaction"], found["kairos.event"]
    assert whole.attributes["kairos.shard"] == 7
    assert whole.attributes["kairos.records"] == 3
    assert whole.attributes["kairos.events"] == 3
    assert whole.start_time == since
    assert [f"{link.context.trace_id:032x}" for link in whole.links] == [TRACE]
    assert f"{event.context.trace_id:032x}" == TRACE
    assert f"{event.parent.span_id:016x}" == SPAN
    assert event.attributes["messaging.destination.name"] == step.events[1].topic
    assert published == {"traceparent": f"00-{TRACE}-{event.context.span_id:016x}-01".encode(), "tracestate": b"a=1", "ce_traceparent": GOOD, "ce_tracestate": b"a=1"}


def test_what_its_trace_does_not_sample_is_not_sent_but_carried(spans):
    made, memory = spans
    bench, step = stepped(1)
    with made.transaction(0, step, origins_of(bench, {0: (("traceparent", UNSAMPLED),)}).of(step.triggers), None) as traced:
        published = trace_headers(traced.events[0])
    assert published["ce_traceparent"] == UNSAMPLED
    assert published["traceparent"].startswith(f"00-{TRACE}-".encode())
    assert published["traceparent"].endswith(b"-00")
    assert "kairos.event" not in finished(made, memory)


def test_a_commit_that_fails_ends_its_spans_as_failed_without_the_error_s_words(spans):
    made, memory = spans
    bench, step = stepped(1)
    with pytest.raises(ValueError, match="C1"), made.transaction(0, step, origins_of(bench, {0: (("traceparent", GOOD),)}).of(step.triggers), None):
        raise ValueError("C1")
    for (span,) in finished(made, memory).values():
        assert span.status.description == "ValueError"
        assert not span.events


def test_spans_reach_a_collector_by_otlp():
    with collector() as traces:
        made = tracing(load({"otel_endpoint": traces.url, "instance": "one"}, environ={}))
        _, step = stepped(1)
        with made.transaction(3, step, [None], None):
            pass
        made.close()
    (path, request), *_ = traces.got
    assert path == "/v1/traces"
    sent = request.resource_spans[0]
    assert {pair.key: pair.value.string_value for pair in sent.resource.attributes}["service.instance.id"] == "one"
    assert sent.scope_spans[0].spans[0].name == "kairos.transaction"


def test_a_collector_that_is_away_neither_fails_a_transaction_nor_holds_up_the_end():
    with socket.socket() as deaf:  # it accepts connections and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        made = tracing(load({"otel_endpoint": f"http://127.0.0.1:{deaf.getsockname()[1]}"}, environ={}))
        _, step = stepped(1)
        with made.transaction(3, step, [None], None) as traced:
            assert traced is step
        began = time.monotonic()
        made.close()
        assert time.monotonic() - began < SEND_S, "it waits for FLUSH_S at most"


def test_the_address_of_the_collector():
    assert exporter("http://127.0.0.1:4318")._endpoint == "http://127.0.0.1:4318/v1/traces"
    assert exporter("http://127.0.0.1:4318/")._endpoint == "http://127.0.0.1:4318/v1/traces"
    assert exporter("https://h/own/path")._endpoint == "https://h/own/path"
    for wrong in ("127.0.0.1:4318", "http://u:p@h:4318", "grpc://h:1", "http://h:1\n"):
        with pytest.raises(SettingsError, match="otel_endpoint: wanted an http or https address"):
            load({"otel_endpoint": wrong}, environ={})
    assert type(tracing(Settings())) is Tracing


def test_latency_by_family_is_from_the_append_of_the_trigger_to_the_commit():
    metrics = Metrics()
    bench, step = stepped()
    origins = origins_of(bench, {}).of(step.triggers)
    metrics.committed(step.events, (origin and origin.appended_ms for origin in origins), 1_000 + 2_000)
    metrics.committed(step.events, [None] * 3, 10)
    labels = {"family": "balance"}
    assert metrics.registry.get_sample_value("kairos_event_latency_seconds_count", labels) == 3
    assert metrics.registry.get_sample_value("kairos_event_latency_seconds_sum", labels) == pytest.approx(2.0 + 1.999 + 1.998)
