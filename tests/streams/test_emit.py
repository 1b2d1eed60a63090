"""What is emitted is the declared CloudEvents record, with ids that a replay gives again."""

from __future__ import annotations

import msgspec
import orjson
from msgspec import UNSET

from events.stories import charge, moment, topup
from schemas.event import CustomerEvent
from streams.emit import Emitter, message
from tests.shards import Bench, epoch_ms


def emitted(wall_ms=None):
    bench = Bench()
    found = bench.feed([topup(0, 300, "09:00", record_id="t"), charge(300, 0, "10:00", record_id="c", msisdn="+8613800000100")]) + bench.advance(epoch_ms(moment("3 00:00")))
    return [message(d, "op7", wall_ms) for d in found]


def test_every_record_is_a_declared_cloud_event():
    for record, reason in emitted():
        event = msgspec.json.decode(record.value, type=CustomerEvent)
        assert record.topic == "customer-events." + event.data.event.split(".")[0]
        assert record.key == event.partitionkey.encode() == b"C1"
        assert event.type == f"customer.{event.data.event}.v1"
        assert event.source == "/kairos/op7"
        assert (event.data.trigger is None) == (event.data.anchor is not UNSET)
        assert ("content-type", b"application/cloudevents+json; charset=UTF-8") in record.headers
        assert reason is None


def test_times_ids_and_anchors():
    by_event = {event["data"]["event"]: event for event in (orjson.loads(record.value) for record, _ in emitted())}
    depleted, missing = by_event["balance.depleted"], by_event["topup.missing_after_depletion"]
    assert (depleted["time"], depleted["data"]["local_time"]) == ("2026-05-01T02:00:00.000Z", "2026-05-01T10:00:00.000+08:00")
    assert missing["time"] == "2026-05-02T02:00:00.000Z"
    assert missing["data"]["anchor"]["record_id"] == "c"
    assert missing["data"]["msisdn"] == "+8613800000100"
    ids = [orjson.loads(record.value)["id"] for record, _ in emitted()]
    assert len(set(ids)) == len(ids)
    assert ids == [orjson.loads(record.value)["id"] for record, _ in emitted()]
    assert all(len(i) == 32 and int(i, 16) >= 0 for i in ids)


def test_an_event_older_than_it_is_valid_for_is_missed_and_otherwise_the_same():
    day = epoch_ms(moment("2 10:00:00.001"))
    fresh = {orjson.loads(record.value)["id"]: record for record, _ in emitted()}
    for record, reason in emitted(day):
        event = orjson.loads(record.value)
        stale = reason == "stale"
        assert stale == (reason is not None) == (epoch_ms(event["time"]) < day - 86_400_000)
        assert (record.topic == "customer-events.missed") == stale
        assert record.value == fresh[event["id"]].value
        assert dict(record.headers)["ce_recordedtime"] == b"2026-05-02T02:00:00.001Z"


def test_events_of_several_definitions_and_kinds_are_written_together_as_each_alone():
    bench = Bench()
    found = [
        detection
        for number, customer in enumerate(["C1", "C2", "C1", "C3"])
        for detection in bench.feed(
            [
                topup(0, 300, f"{1 + number} 09:00", record_id=f"t{number}", customer_id=customer, subscription_id=f"S{customer}", account_id=f"A{customer}"),
                charge(
                    300, 0, f"{1 + number} 10:00", record_id=f"c{number}", customer_id=customer, subscription_id=f"S{customer}", account_id=f"A{customer}", msisdn="+8613800000100"
                ),
            ]
        )
    ]
    found += bench.advance(epoch_ms(moment("9 00:00")))
    assert len({one.event for one in found}) > 1
    assert {one.timed for one in found} == {True, False}
    allowed = [7 if place % 3 == 0 else None for place in range(len(found))]
    for wall_ms in (None, epoch_ms(moment("4 12:00"))):
        assert Emitter("op7").messages(found, wall_ms, allowed) == [message(one, "op7", wall_ms, most) for one, most in zip(found, allowed, strict=True)]
        assert Emitter("op7").messages(found, wall_ms) == [message(one, "op7", wall_ms) for one in found]
