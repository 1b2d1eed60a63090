"""The merge equals a merge by heads, for any chunks and batches, and nothing overtakes an unread record."""

from __future__ import annotations

import json

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.raw import TOPICS
from streams.intake.decode import decode_chunk
from streams.intake.merge import ALWAYS, UNREAD, Merger
from tests.streams.records import good

KIND = {"raw.billing": "balance_change", "raw.usage": "vas_usage", "raw.service": "page_view", "raw.network": "network_quality"}
BASE = 1_777_599_072_000


def chunk(topic, first, times, bad=()):
    values = [b"{" if number in bad else json.dumps(good(KIND[topic], event_time=BASE + time, record_id=f"{topic}-{first + number}")).encode() for number, time in enumerate(times)]
    return decode_chunk(topic, 0, range(first, first + len(times)), [b"C1"] * len(times), values, next_offset=first + len(times), latest_ms=None, max_bytes=10_000)


def drained(merger, most):
    order, following, rejects = [], {}, 0
    while (released := merger.release(most)) is not None:
        assert released.n <= most
        order += [(released.raw(i)[0], released.raw(i)[2]) for i in range(released.n)]
        assert [released.time[i] for i in range(released.n)] == [json.loads(released.raw(i)[4])["event_time"] for i in range(released.n)]
        following |= released.next_offsets
        rejects += len(released.rejects)
    return order, following, rejects


QUEUES = st.lists(st.lists(st.integers(0, 8), max_size=8), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(QUEUES, st.integers(1, 9), st.integers(1, 5))
def test_the_order_is_that_of_a_merge_by_heads(queues, most, cut):
    merger = Merger(1000)
    for topic, times in zip(TOPICS, queues, strict=True):
        for first in range(0, len(times), cut):
            merger.add(chunk(topic, first, times[first : first + cut]))
    merger.looked = [ALWAYS] * 4
    expected, heads = [], [list(enumerate(times)) for times in queues]
    while any(heads):
        rank = min((rank for rank, own in enumerate(heads) if own), key=lambda rank: (heads[rank][0][1], rank))
        expected.append((TOPICS[rank], heads[rank].pop(0)[0]))
    order, following, _ = drained(merger, most)
    assert order == expected
    assert following == {topic: len(times) for topic, times in zip(TOPICS, queues, strict=True) if times}


def test_a_topic_with_unread_backlog_holds_the_others_back():
    merger = Merger(1000)
    merger.looked = [ALWAYS, UNREAD, ALWAYS, ALWAYS]
    merger.add(chunk("raw.billing", 0, [1, 5, 9]))
    assert merger.release(100) is None
    merger.add(chunk("raw.usage", 0, [4]))
    order, following, _ = drained(merger, 100)
    assert order == [("raw.billing", 0), ("raw.usage", 0)]
    assert following == {"raw.billing": 1, "raw.usage": 1}
    merger.looked[1] = ALWAYS
    assert drained(merger, 100)[0] == [("raw.billing", 1), ("raw.billing", 2)]


def test_refused_records_go_out_with_the_offsets_that_pass_them():
    merger = Merger(1000)
    merger.looked = [ALWAYS] * 4
    merger.add(chunk("raw.billing", 0, [1, 2, 3, 4], bad={0, 2, 3}))
    merger.add(chunk("raw.usage", 0, [9, 9], bad={0, 1}))
    order, following, rejects = drained(merger, 100)
    assert order == [("raw.billing", 1)]
    assert following == {"raw.billing": 4, "raw.usage": 2}
    assert rejects == 5


def test_a_full_queue_says_so_until_something_is_released():
    merger = Merger(4)
    merger.looked = [ALWAYS] * 4
    merger.add(chunk("raw.billing", 0, [1, 2, 3, 4]))
    assert merger.full(0)
    assert not merger.full(1)
    merger.release(3)
    assert not merger.full(0)


YEAR = 365 * 86_400_000


@settings(max_examples=200, deadline=None, derandomize=True)
@given(QUEUES, st.data())
def test_one_misdated_record_holds_no_topic_back(queues, data):
    """A record a year ahead goes with the one before it: all others leave as they would without it."""
    rank = data.draw(st.sampled_from([rank for rank, own in enumerate(queues) if len(own) > 1] or [0]))
    at = data.draw(st.integers(0, max(0, len(queues[rank]) - 2)))
    assume(len(queues[rank]) > 1)
    dated = [list(own) for own in queues]
    dated[rank].insert(at, YEAR)
    orders = []
    for own in (queues, dated):
        merger = Merger(1000)
        for topic, times in zip(TOPICS, own, strict=True):
            merger.add(chunk(topic, 0, times))
        merger.looked = [ALWAYS] * 4
        orders.append(drained(merger, 5)[0])
    plain, with_it = orders
    with_it.remove((TOPICS[rank], at))
    assert [(topic, offset - (topic == TOPICS[rank] and offset > at)) for topic, offset in with_it] == plain


def test_a_leap_waits_for_the_records_behind_it_while_there_is_backlog():
    merger = Merger(1000)
    merger.looked = [UNREAD, ALWAYS, ALWAYS, ALWAYS]
    merger.add(chunk("raw.billing", 0, [1, 2, YEAR]))
    assert drained(merger, 100)[0] == [("raw.billing", 0), ("raw.billing", 1)]
    merger.add(chunk("raw.billing", 3, [YEAR + number for number in range(8)]))
    assert drained(merger, 100)[0][0] == ("raw.billing", 2)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(QUEUES, st.integers(1, 5))
def test_parts_are_the_whole_in_order_and_no_reject_is_passed_without_its_letter(queues, cut):
    merger = Merger(1000)
    for topic, times in zip(TOPICS, queues, strict=True):
        for first in range(0, len(times), cut):
            merger.add(chunk(topic, first, times[first : first + cut], bad={0} if first else ()))
    merger.looked = [ALWAYS] * 4
    released = merger.release(1000)
    assume(released is not None and released.n > cut)
    first, second = released.split(cut)
    assert [h.raw(i) for h in (first, second) for i in range(h.n)] == [released.raw(i) for i in range(released.n)]
    assert sorted((r.topic, r.offset) for r in first.rejects + second.rejects) == sorted((r.topic, r.offset) for r in released.rejects)
    assert second.next_offsets == released.next_offsets
    seen = {(r.topic, r.offset) for r in first.rejects} | {first.raw(i)[0:3:2] for i in range(first.n)}
    for topic, following in first.next_offsets.items():
        assert all((topic, offset) in seen for offset in range(following))


READS = st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 30), min_size=1, max_size=5)), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(READS, st.lists(st.one_of(st.just(UNREAD), st.integers(0, 13)), min_size=4, max_size=4), st.integers(1, 50))
def test_nothing_leaves_that_a_record_read_later_could_stand_before(reads, looked, most):
    """The n-th run is read at moment n. A topic whose records have run out lets past only what was read before it was looked at."""
    merger = Merger(1000)
    first, places = [0] * 4, {}
    for moment, (rank, times) in enumerate(reads, 1):
        run = chunk(TOPICS[rank], first[rank], times)
        run.read_at = moment
        merger.add(run)
        for number, time in enumerate(times):
            before = max((key for (topic, _), (key, _) in places.items() if topic == TOPICS[rank]), default=0)
            places[TOPICS[rank], first[rank] + number] = max(before, time), moment
        first[rank] += len(times)
    merger.looked = list(looked)
    order, *_ = drained(merger, most)
    everything = sorted(places, key=lambda place: (places[place][0], TOPICS.index(place[0]), place[1]))
    assert order == everything[: len(order)]
    wanted = []
    for place in everything:
        left = {topic for topic, _ in everything[len(wanted) :]}
        if any(topic not in left and moment < places[place][1] for topic, moment in zip(TOPICS, looked, strict=True)):
            break
        wanted.append(place)
    assert order == wanted
    blocked = {TOPICS[rank] for rank in merger.blocking}
    left = {topic for topic, _ in everything[len(wanted) :]}
    assert not left or {topic for topic, moment in zip(TOPICS, looked, strict=True) if topic not in left and moment < places[everything[len(wanted)]][1]} <= blocked


def test_a_paused_or_unseen_topic_holds_the_others_back_until_a_look_that_is_newer_than_what_they_read():
    merger = Merger(1000)
    merger.looked = [5.0] * 4
    for moment, time in ((4.0, 1), (5.0, 2), (6.0, 3)):
        run = chunk("raw.billing", int(moment), [time])
        run.read_at = moment
        merger.add(run)
    assert [offset for _, offset in drained(merger, 100)[0]] == [4, 5]
    assert merger.blocking == {0, 1, 2, 3}, "its own topic as well, for a look newer than itself shows that it stands alone"
    merger.looked = [6.0, 6.0, 6.0, 5.9]
    assert merger.release(100) is None
    assert merger.blocking == {3}
    merger.looked[3] = 6.0
    assert [offset for _, offset in drained(merger, 100)[0]] == [6]
