"""What the page counts, and how: rings, events, dead letters, health, sparklines."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace

import pytest

from schemas.fault import KairosFault
from streams.emit import DEAD_LETTER, MISSED
from streams.kafka.follow import Follower
from streams.kafka.status import Group, Member, Overview, Place
from streams.page import health as health_module
from streams.page.drawing import in_words, sparkline
from streams.page.health import Health
from streams.page.live import KINDS, LARGEST, LATEST, Live, Ring
from streams.page.overview import shards_of, topics_of
from streams.page.site import length
from streams.page.why_not_aside import Question, answer, answered
from streams.settings import load
from streams.tools.scrape import ShardView, WorkerView
from tests.broker.test_operations import charge

NOW = 1_700_000_000.0


def event(name="balance.low", more=""):
    return f'{{"specversion":"1.0","type":"customer.{name}.v1"{more}}}'.encode()


def test_a_ring_counts_the_last_spans_alone():
    ring = Ring(5, 60)
    assert ring.series(NOW) == [0] * 5
    for minutes in (-9, -4, -3, 0, 0, -4, -5):
        ring.add(NOW + 60 * minutes)
    assert ring.series(NOW) == [2, 1, 0, 0, 2]
    assert ring.series(NOW + 120) == [0, 0, 2, 0, 0]
    ring.add(NOW + 180)
    assert ring.series(NOW + 180) == [0, 2, 0, 0, 1]
    ring.add(NOW + 60)
    assert ring.series(NOW + 180) == [0, 2, 1, 0, 1], "a later look back into the ring counts"
    assert ring.series(NOW + 3600) == [0] * 5
    ring.add(NOW + 3600)
    assert ring.series(NOW + 3600) == [0, 0, 0, 0, 1], "what was there before is gone"


def test_a_ring_against_a_list_of_moments():
    import random

    chance, ring, moments, now = random.Random(5), Ring(7, 10), [], NOW
    for _ in range(400):
        now += chance.choice((0, 0, 0.5, 3, 40))
        at = now - chance.choice((0, 1, 15, 69, 90))
        moments.append(at)
        ring.add(at)
        last = int(now // 10)
        assert sum(ring.series(now)) <= len(moments)
        wanted = Counter(int(one // 10) for one in moments)
        got = ring.series(now)
        assert got[-1] == wanted[last]
        assert all(number <= wanted[last - 6 + place] for place, number in enumerate(got))


def test_events_are_counted_by_kind_and_bounded():
    live = Live(["balance.low", "balance.drop"])
    for number in range(LATEST + 5):
        live.event("customer-events.balance", event(more=f',"n":{number}'), NOW)
    live.event(MISSED, event("balance.drop"), NOW)
    live.event("customer-events.balance", event(more=f',"n":"{"x" * LARGEST}"'), NOW)
    low, drop = live.flows["balance.low"], live.flows["balance.drop"]
    assert (sum(low.published.series(NOW)), sum(drop.published.series(NOW)), sum(drop.missed.series(NOW))) == (LATEST + 6, 0, 1)
    assert [kept.value[-3:-1] for kept in low.latest.newest_first()] == [f":{number}"[-2:].encode() for number in reversed(range(5, LATEST + 5))]
    for number in range(KINDS + 50):
        live.event("customer-events.x", event(f"x.y{number}"), NOW)
        live.letter(f"r{number}", ("raw.usage", 0, number), NOW)
    assert len(live.flows) == 2 + KINDS
    assert len(live.refusals) == KINDS
    assert live.strange == 100
    for value in (None, b"", b"null", b"[]", b'{"type":1}', b'{"type":"other"}', b"\xff", event("x" * 300)):
        live.event("customer-events.x", value, NOW)
    assert live.strange == 108


def test_the_newest_are_kept_in_whatever_order_they_come():
    live = Live([])
    for partition in range(3):
        for offset in range(LATEST):
            live.letter("late", ("raw.usage", partition, offset), NOW + 10 * offset - partition)
    kept = [(place.at_s, place.partition, place.offset) for place in live.refusals["late"].latest.newest_first()]
    every = [(NOW + 10 * offset - partition, partition, offset) for partition in range(3) for offset in range(LATEST)]
    assert kept == sorted(every, reverse=True)[:LATEST]


def record(timestamp, value=None, **headers):
    return SimpleNamespace(timestamp=timestamp, value=value, headers=[(name, text if text is None else text.encode()) for name, text in headers.items()])


def test_dead_letters_are_taken_by_their_headers_alone():
    live = Live([])
    follower = Follower(load({}, environ={}), [], live)
    now = NOW * 1000
    follower.take(DEAD_LETTER, record(now, b"raw", reason="bad_json", topic="raw.usage", partition="3", offset="77"))
    follower.take(DEAD_LETTER, record(now, b"raw", reason="bad_json", topic="raw.usage", partition="٣", offset="1" * 30))
    follower.take(DEAD_LETTER, record(now, b"raw", reason="late", topic=None, partition=None, offset="-1"))
    for ours in ({"reason": "put_back"}, {}, {"reason": ""}, {"reason": None}):
        follower.take(DEAD_LETTER, record(now, b"raw", **ours))
    assert {reason: [(place.topic, place.partition, place.offset) for place in reversed(one.latest.newest_first())] for reason, one in live.refusals.items()} == {
        "bad_json": [("raw.usage", 3, 77), ("raw.usage", -1, -1)],
        "late": [("?", -1, -1)],
    }
    follower.take(DEAD_LETTER, record(9e15, b"raw", reason="late", topic="raw.usage"))
    assert live.refusals["late"].latest.newest_first()[0].at_s < 9e12, "a producer whose clock is ahead moves no ring"


def test_a_sparkline_has_a_bar_for_each_number_and_says_them():
    drawn = sparkline([0, 4, 1, 0], '<b>"x"')
    assert 'd="M3 28v-28M5 28v-7"' in drawn
    assert 'aria-label="&lt;b&gt;&#34;x&#34;"' in drawn
    assert 'class="bars"' not in sparkline([0, 0], "none")
    assert in_words([0, 5, 2, 1], "minute", "events") == "8 events in the last 4 minutes, at most 5 in one minute, 2 in the last full minute"
    assert in_words([0, 0], "hour", "dead letters") == "no dead letters in the last 2 hours"


@pytest.mark.parametrize(("seconds", "says"), [(0.04, "40 ms"), (2.5, "2.5 s"), (59, "59 s"), (180, "3 min"), (7200, "2 h"), (260_000, "3 d")])
def test_lengths_of_time(seconds, says):
    assert length(seconds) == says


# Health


def overview_of(owner):
    places = [Place(topic, number, owner if number == 0 else None, 5, 9, 4 + number) for topic in ("raw.usage", "raw.billing") for number in (0, 1)]
    return Overview(Group("Stable", [Member("w", "c", "h", (("raw.usage", 0),))]), places, [])


def test_shards_by_broker_and_workers():
    health = Health(load({}, environ={}), [], None)
    assert (shards_of(health), topics_of(health), health.problems) == ([], [], [])
    health.seen = overview_of("w")
    assert [(row.number, row.owner, row.lag, row.state) for row in shards_of(health)] == [(0, "w", 8, "held; its worker is not asked"), (1, None, 10, "nobody holds it")]
    assert topics_of(health) == [("raw.usage", 2, 18, 9), ("raw.billing", 2, 18, 9)]
    for view, says in (
        (WorkerView("u", None, shards={0: ShardView(900.0, 1.25)}), "ready, restored in 1.2 s"),
        (WorkerView("u", None, restoring=1), "restoring"),
        (WorkerView("u", None), "held"),
        (WorkerView("u", "no answer"), "held; its worker is not asked"),
    ):
        health.views = [view]
        assert shards_of(health)[0].state == says
    assert health.problems == [
        "raw.usage: no worker holds partition 1, where 5 records wait",
        "raw.billing: no worker holds partition 1, where 5 records wait",
        "worker u: no answer",
    ]


def test_latency_is_that_of_the_last_minutes(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(health_module.time, "monotonic", lambda: now[0])
    health = Health(load({}, environ={}), [], None)
    assert health.latency == (None, None, 0)
    health._note(Counter({1.0: 100, 2.0: 100, float("inf"): 100}))
    assert health.latency == (0.5, 0.99, 100), "since the workers started, as long as there is nothing else"
    for at, slow in ((1100.0, 110), (1310.0, 120), (1600.0, 140)):
        now[0] = at
        health._note(Counter({1.0: 100, 2.0: slow, float("inf"): slow}))
    assert health.latency.events == 30, "since 1100, the last answer before these minutes"
    assert 1.0 < health.latency.p50 < 2.0
    health._note(Counter({1.0: 3, 2.0: 3, float("inf"): 3}))
    assert health.latency.events == 3, "a worker has begun again"


def test_a_broker_that_does_not_answer_is_a_problem_and_what_was_known_stays(monkeypatch):
    async def fails(settings):
        raise KairosFault("brokers: no answer")

    async def works(settings):
        return overview_of("w")

    health = Health(load({}, environ={}), ["http://127.0.0.1:1"], None)
    monkeypatch.setattr(health_module, "overview", works)
    asyncio.run(health.ask())
    assert (health.trouble, sum(health.lag.series(health.at_s))) == (None, 18)
    monkeypatch.setattr(health_module, "overview", fails)
    asyncio.run(health.ask())
    assert health.problems[0] == "brokers: no answer"
    assert health.problems[1].startswith("worker http://127.0.0.1:1: no answer: ")
    assert health.seen is not None


# Why not, in a process of its own


def question(tmp_path, customer, at=None):
    (tmp_path / "raw.jsonl").write_bytes(b"".join(charge(number, name)[3] + b"\n" for number, name in enumerate(("C1", "C2", "C3"))))
    return Question(load({}, environ={}), [str(tmp_path / "raw.jsonl")], "balance.drop", customer, at)


def test_why_not_names_no_other_customer(tmp_path):
    unknown = answered(question(tmp_path, "C"))
    assert (unknown.lines, unknown.fault) == (None, "The files that the page was given have no record of this customer, or none up to that moment.")
    known = answered(question(tmp_path, "C2"))
    assert known.lines[0][1].startswith("balance.drop did not happen to C2")
    assert "C1" not in str(known.lines)
    assert answered(question(tmp_path, "C2", "2020-01-01T00:00")).fault == unknown.fault, "before its first record"


def test_a_replay_that_takes_too_long_is_stopped(tmp_path):
    said = asyncio.run(answer(question(tmp_path, "C1"), longest_s=0.05))
    assert "took longer than 0 s and was stopped" in said.fault


def test_a_replay_that_dies_is_said(tmp_path):
    said = asyncio.run(answer(question(tmp_path, "C1", "no moment")))
    assert "ended without an answer" in said.fault
